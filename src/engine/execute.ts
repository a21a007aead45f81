/** Carries out a plan. No decisions: each step is one call to a driver; removals wait for those who depend on them. */
import { hostNode, tunnelNode, type Graph, type NodeId, type SessionNode, type TunnelNode } from '../core/graph.ts';
import type { Plan, Step } from '../core/plan.ts';
import type { Running } from './running.ts';
import type { SessionDriver } from './session.ts';
import type { TunnelDriver } from './tunnel.ts';

export interface Execution {
  readonly running: Running;
  readonly desired: Graph | null;
  readonly before: Graph | null;
  readonly drainMs: number | null;
  newSession(node: SessionNode, graph: Graph): SessionDriver;
  newTunnel(node: TunnelNode): TunnelDriver;
  /** The node by the one of its hosts that carries it now. */
  byItsHost(node: TunnelNode): TunnelNode;
}

/** Resolves when everything that was removed has closed. */
export function execute(plan: Plan, on: Execution): Promise<void> {
  const gone = new Map<NodeId, Promise<void>>();
  for (const step of plan.steps) {
    if (step.action === 'remove') remove(step, on, gone);
    else if (step.kind === 'host') bringSession(step, on);
    else bringTunnel(step, on);
  }
  adoptUnchanged(plan, on);
  return Promise.all(gone.values()).then(() => undefined);
}

function remove(step: Step, on: Execution, gone: Map<NodeId, Promise<void>>): void {
  const id = step.kind === 'host' ? hostNode(step.name) : tunnelNode(step.name);
  const dependants = (on.before?.edges ?? []).filter((edge) => edge.to === id).map((edge) => gone.get(edge.from));
  const { leaving } = on.running;
  if (step.kind === 'tunnel') {
    const driver = take(on.running.tunnels, step.name, leaving.tunnels);
    // Now, though it may have to wait for its dependants to drain: another tunnel may be given its ingress in the same plan.
    driver?.release();
    gone.set(
      id,
      after(dependants, () => driver?.stop(on.drainMs)).then(() => void (driver && leaving.tunnels.delete(driver))),
    );
  } else {
    const driver = take(on.running.sessions, step.name, leaving.sessions);
    gone.set(
      id,
      after(dependants, () => driver?.stop()).then(() => void (driver && leaving.sessions.delete(driver))),
    );
  }
}

function take<T>(from: Map<string, T>, name: string, into: Set<T>): T | undefined {
  const driver = from.get(name);
  from.delete(name);
  if (driver) into.add(driver);
  return driver;
}

/** At once where nothing is waited for: a listener that goes must be gone before another one takes its port. */
function after(waited: readonly (Promise<void> | undefined)[], action: () => Promise<void> | undefined): Promise<void> {
  const pending = waited.filter((each) => each !== undefined);
  return pending.length === 0 ? (action() ?? Promise.resolve()) : Promise.all(pending).then(action);
}

function bringSession(step: Step, on: Execution): void {
  const node = on.desired?.sessions.get(step.name);
  const spec = node && on.desired?.project.hosts.get(node.host);
  if (!node || !spec || !on.desired) return;
  if (step.action === 'create') on.running.sessions.set(step.name, on.newSession(node, on.desired));
  else if (step.action === 'update') on.running.sessions.get(step.name)?.update(node, spec, step.how === 'reopen' ? 'reopen' : 'in-place');
}

function bringTunnel(step: Step, on: Execution): void {
  const desired = on.desired?.tunnels.get(step.name);
  if (!desired) return;
  const node = on.byItsHost(desired);
  if (step.action === 'create') on.running.tunnels.set(step.name, on.newTunnel(node));
  else if (step.action === 'update') on.running.tunnels.get(step.name)?.update(node, step.how);
}

/** What the plan does not touch still gets the new graph's node, and what has failed is tried again: the user did act. */
function adoptUnchanged(plan: Plan, on: Execution): void {
  const touched = new Set(plan.steps.map((step) => `${step.kind}:${step.name}`));
  for (const [name, node] of on.desired?.tunnels ?? []) {
    const driver = on.running.tunnels.get(name);
    if (!driver || touched.has(tunnelNode(name))) continue;
    driver.adopt(on.byItsHost(node));
    driver.kick();
  }
  for (const [name, driver] of on.running.sessions) if (!touched.has(hostNode(name))) driver.retryFailed();
}
