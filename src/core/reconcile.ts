/**
 * The one way to change what runs. `up` is a reconcile with nothing applied, `down` one with nothing desired, a reload the rest.
 * Pure: the same two graphs give the same plan.
 */
import { difference, heavier, HOST_FIELDS, same, TUNNEL_FIELDS, type Difference } from './change.ts';
import { hostNode, nodeName, tunnelNode, type Graph, type NodeId, type SessionNode, type TunnelNode } from './graph.ts';
import { bringUpOrder } from './order.ts';
import type { Plan, Step } from './plan.ts';
import { valueWords } from './spec-words.ts';

export function reconcile(desired: Graph | null, applied: Graph | null): Plan {
  const steps: Step[] = [];
  for (const id of order(applied).toReversed()) if (!has(desired, id)) steps.push({ action: 'remove', ...subject(id) });
  const updates: Step[] = [];
  const creates: Step[] = [];
  for (const id of order(desired)) {
    if (!has(applied, id)) creates.push({ action: 'create', ...subject(id) });
    else {
      const changed = changeOf(id, applied, desired);
      if (changed) updates.push({ action: 'update', ...subject(id), ...changed });
    }
  }
  return { steps: [...steps, ...updates, ...creates] };
}

const order = (graph: Graph | null): NodeId[] => (graph ? bringUpOrder(graph).flat() : []);

const subject = (id: NodeId): { kind: 'host' | 'tunnel'; name: string } => ({
  kind: id.startsWith('host:') ? 'host' : 'tunnel',
  name: nodeName(id),
});

const has = (graph: Graph | null, id: NodeId): boolean =>
  graph !== null && (id.startsWith('host:') ? graph.sessions.has(nodeName(id)) : graph.tunnels.has(nodeName(id)));

function changeOf(id: NodeId, applied: Graph | null, desired: Graph | null): Difference | null {
  if (!applied || !desired) return null;
  const name = nodeName(id);
  if (id === hostNode(name)) {
    const [before, after] = [applied.sessions.get(name), desired.sessions.get(name)];
    return before && after ? hostChange({ graph: applied, node: before }, { graph: desired, node: after }) : null;
  }
  const [before, after] = [applied.tunnels.get(name), desired.tunnels.get(name)];
  return before && after && id === tunnelNode(name) ? tunnelChange(before, after) : null;
}

interface Hosted {
  readonly graph: Graph;
  readonly node: SessionNode;
}

function hostChange(before: Hosted, after: Hosted): Difference | null {
  const [from, to] = [before.graph.project.hosts.get(before.node.host), after.graph.project.hosts.get(after.node.host)];
  const fields = from && to ? difference(from, to, HOST_FIELDS) : null;
  if (before.node.via === after.node.via) return fields;
  const via = { field: 'via', from: valueWords('via', before.node.via), to: valueWords('via', after.node.via) };
  return { how: 'reopen', changes: [via, ...(fields?.changes ?? [])] };
}

/** Another way to dial only touches new connections; another place to listen opens anew. */
function tunnelChange(before: TunnelNode, after: TunnelNode): Difference | null {
  let change = difference(before.spec, after.spec, TUNNEL_FIELDS);
  const add = (how: Difference['how'], field: string, values: readonly [unknown, unknown]): void => {
    if (same(...values)) return;
    const changes = [...(change?.changes ?? []), { field, from: valueWords(field, values[0]), to: valueWords(field, values[1]) }];
    change = { how: change ? heavier(change.how, how) : how, changes };
  };
  add('reopen', 'listens on', [before.listenOn ?? before.listenMachine, after.listenOn ?? after.listenMachine]);
  add('retarget', 'dials from', [before.dialFrom ?? before.dialMachine, after.dialFrom ?? after.dialMachine]);
  // The first host is told of by where it leads; of the others the tunnel may be on any.
  add('in-place', 'hosts', [before.spec.hosts.slice(1), after.spec.hosts.slice(1)]);
  add('reopen', 'runs on', [before.runsOn, after.runsOn]);
  // A launched ssh has its forwarding in its arguments: there is no listener of ours to keep.
  if (change && after.runsOn !== null && change.how === 'retarget') change = { ...change, how: 'reopen' };
  return change;
}
