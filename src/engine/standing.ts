/** Who stands where: what is missing of a node's needs, and whether the whole can get any further. */
import type { Failure } from '../core/failure.ts';
import { nodeName, type Edge, type NodeId } from '../core/graph.ts';
import type { Running } from './running.ts';

/** An idle tunnel is up: it takes clients, and wakes when one comes. */
function isUp(id: NodeId, running: Running): boolean {
  if (id.startsWith('host:')) return running.sessions.get(nodeName(id))?.state.name === 'connected';
  const state = running.tunnels.get(nodeName(id))?.state.name;
  return state === 'open' || state === 'idle';
}

/** `healthy` is asked of a need only by who is not open yet: one that falls ill later takes nobody down with it. */
function meets({ from, to, condition }: Edge, running: Running): boolean {
  if (!isUp(to, running)) return false;
  if (condition === 'open' || isUp(from, running)) return true;
  return running.tunnels.get(nodeName(to))?.health === 'healthy';
}

const failureOf = (id: NodeId, running: Running): Failure | null =>
  (id.startsWith('host:') ? running.sessions.get(nodeName(id))?.failure : running.tunnels.get(nodeName(id))?.failure) ?? null;

/** What is missing, as `host bastion` and `tunnel git-inner`, and the first known reason. */
export function missingOf(needs: readonly Edge[], running: Running): { readonly on: readonly string[]; readonly failure: Failure | null } {
  const missing = [...new Set(needs.filter((edge) => !meets(edge, running)).map((edge) => edge.to))];
  const failure = missing.map((id) => failureOf(id, running)).find((each) => each !== null) ?? null;
  return { on: missing.map((id) => id.replace(':', ' ')), failure };
}

/** Why something is not up that waits for others: what the first of those says that has something to say, however far away. */
export function rootFailure(on: readonly string[], running: Running): Failure | null {
  const seen = new Set(on);
  for (const each of seen) {
    const [id, name] = [each.replace(' ', ':'), each.slice(each.indexOf(' ') + 1)];
    const failure = failureOf(id, running);
    if (failure) return failure;
    const state = (each.startsWith('host ') ? running.sessions : running.tunnels).get(name)?.state;
    if (state && 'on' in state) for (const further of state.on) seen.add(further);
  }
  return null;
}

/** Tried and not up, or waiting for one that is: where a host has a standby, this is its moment. */
export function isDown(id: NodeId, running: Running, needs: NeedsOf): boolean {
  if (id.startsWith('tunnel:')) return isTunnelDown(id, running, needs);
  const state = running.sessions.get(nodeName(id))?.state;
  if (!state) return false;
  if (state.name === 'backoff' || state.name === 'failed') return true;
  if (state.name === 'connecting') return state.attempt > 0;
  return state.name === 'waiting' && needs(id).some((edge) => isDown(edge.to, running, needs));
}

function isTunnelDown(id: NodeId, running: Running, needs: NeedsOf): boolean {
  const state = running.tunnels.get(nodeName(id))?.state;
  if (!state || isUp(id, running)) return false;
  if (['failed', 'closing', 'closed'].includes(state.name) || ('retrying' in state && state.retrying)) return true;
  return 'on' in state && state.on.length > 0 && needs(id).some((edge) => isDown(edge.to, running, needs));
}

/** The edges of a node that count for the question at hand. */
export type NeedsOf = (id: NodeId) => readonly Edge[];

/** The hosts that the tunnels that want theirs need, and the hosts before those. */
export function wantedHosts(wanting: ReadonlySet<NodeId>, needs: NeedsOf): ReadonlySet<NodeId> {
  const wanted = new Set<NodeId>();
  const queue = [...wanting];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const { to } of needs(id)) {
      if (!to.startsWith('host:') || wanted.has(to)) continue;
      wanted.add(to);
      queue.push(to);
    }
  }
  return wanted;
}

/** Who goes down with it: whoever needs it, by as many steps as it takes, and is up or on the way. Nearest first. */
export function reach(
  root: NodeId,
  running: Running,
  by: { readonly dependants: (id: NodeId) => readonly NodeId[]; readonly needs: NeedsOf },
): readonly NodeId[] {
  const reached = new Set([root]);
  for (const id of reached)
    for (const each of by.dependants(id)) {
      if (isUnderWay(each, running) && by.needs(each).some((edge) => edge.to === id)) reached.add(each);
    }
  reached.delete(root);
  return [...reached];
}

function isUnderWay(id: NodeId, running: Running): boolean {
  if (id.startsWith('host:')) return ['connecting', 'connected'].includes(running.sessions.get(nodeName(id))?.state.name ?? '');
  return ['opening', 'open', 'reconnecting'].includes(running.tunnels.get(nodeName(id))?.state.name ?? '');
}

/** `open`: every tunnel that is wanted is. `failed`: some are not and never will be without the user. `pending`: something may still come. */
export type Outcome = 'open' | 'failed' | 'pending';

export function outcome(running: Running, needs: NeedsOf): Outcome {
  const wanted = [...running.tunnels].filter(([, driver]) => driver.state.name !== 'closed' && driver.state.name !== 'closing');
  const left = wanted.map(([name]) => `tunnel:${name}`).filter((id) => !isUp(id, running));
  if (left.length === 0) return 'open';
  return left.every(whoIsStuck(running, needs)) ? 'failed' : 'pending';
}

/** The names of tunnels that never come up without the user, whatever becomes of the others. */
export const stuckTunnels = (running: Running, needs: NeedsOf): readonly string[] => {
  const stuck = whoIsStuck(running, needs);
  return [...running.tunnels.keys()].filter((name) => stuck(`tunnel:${name}`));
};

/** Failed itself, or waits for something that is; of several hosts, for all of them. */
function whoIsStuck(running: Running, needs: NeedsOf): (id: NodeId) => boolean {
  const memo = new Map<NodeId, boolean>();
  const stuck = (id: NodeId): boolean => {
    const known = memo.get(id);
    if (known !== undefined) return known;
    memo.set(id, false);
    const state = id.startsWith('host:') ? running.sessions.get(nodeName(id))?.state : running.tunnels.get(nodeName(id))?.state;
    const [alternatives, others] = [needs(id).filter(isAlternative), needs(id).filter((edge) => !isAlternative(edge))];
    const noWay = alternatives.length > 0 && alternatives.every((edge) => stuck(edge.to));
    const result = state?.name === 'failed' || (!isUp(id, running) && (noWay || others.some((edge) => stuck(edge.to))));
    memo.set(id, result);
    return result;
  };
  return stuck;
}

const isAlternative = (edge: Edge): boolean => edge.alternative !== undefined;
