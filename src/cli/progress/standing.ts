/** Where each host and tunnel stands, from the event stream alone. */
import type { TunnelsEvent } from '../../core/event.ts';
import type { Graph, NodeId } from '../../core/graph.ts';
import { hostNode, nodeName, tunnelNode } from '../../core/graph.ts';
import { bringUpOrder } from '../../core/order.ts';
import { hintText } from '../render/failure.ts';
import { stateText, type StateEvent } from '../render/state-text.ts';
import type { Style } from '../render/style.ts';
import { padEnd, visibleWidth } from '../render/table.ts';

export interface Subjects {
  readonly order: readonly NodeId[];
  /** `pending` until it is open (connected, idle) or failed. */
  outcome(id: NodeId): 'pending' | 'up' | 'failed';
  /** `host bastion  connecting` */
  title(id: NodeId): string;
}

/** One very long name must not push all the others' states off the screen. */
const MAX_WIDTH = 32;

export class Standing implements Subjects {
  readonly order: readonly NodeId[];
  readonly #style: Style;
  readonly #last: Map<NodeId, StateEvent>;
  /** Of the names, so that what follows them stands in one column. */
  readonly #width: number;

  constructor(graph: Graph, last: Map<NodeId, StateEvent>, style: Style) {
    const waves = bringUpOrder(graph).flat();
    // Hosts first: in order of the waves alone they would stand between the tunnels.
    this.order = [...waves.filter((id) => id.startsWith('host:')), ...waves.filter((id) => id.startsWith('tunnel:'))];
    this.#last = last;
    this.#style = style;
    this.#width = Math.min(MAX_WIDTH, Math.max(0, ...this.order.map((id) => visibleWidth(nodeName(id)))));
  }

  outcome(id: NodeId): 'pending' | 'up' | 'failed' {
    switch (this.#last.get(id)?.to) {
      case 'connected':
      case 'open':
      case 'idle':
        return 'up';
      case 'failed':
        return 'failed';
      default:
        return 'pending';
    }
  }

  title(id: NodeId): string {
    const state = this.#last.get(id);
    const kind = id.startsWith('host:') ? 'host  ' : 'tunnel';
    const text = state ? stateText(state, this.#style) : 'waiting';
    const hint = state?.failure ? hintText(state.failure, this.#style) : '';
    return `${this.#style('dim', kind)} ${this.#style('bold', padEnd(nodeName(id), this.#width))}  ${text}${hint === '' ? '' : `\n${hint}`}`;
  }
}

/** Remembers the last state of each; false for an event that is no state. */
export function remember(event: TunnelsEvent, last: Map<NodeId, StateEvent>): boolean {
  if (event.type !== 'host-state' && event.type !== 'tunnel-state') return false;
  last.set(event.type === 'host-state' ? hostNode(event.subject.name) : tunnelNode(event.subject.name), event);
  return true;
}
