/** Who fell with whom: a chain that falls together is told once, by the one that fell by itself, and its return is told once too. */
import type { EventBody } from '../core/event.ts';
import { nodeName, type NodeId } from '../core/graph.ts';
import type { Clock } from './clock.ts';
import type { Publish } from './event-bus.ts';

type StateBody = Extract<EventBody, { type: 'host-state' | 'tunnel-state' }>;

export interface FallsDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly publish: Publish;
  /** Who needs it, by as many steps as it takes, and is up or on the way. */
  reach(id: NodeId): readonly NodeId[];
}

interface Fall {
  readonly at: number;
  readonly down: Set<NodeId>;
  readonly back: Set<NodeId>;
}

const isUp = ({ type }: StateBody, state: string): boolean =>
  type === 'host-state' ? state === 'connected' : state === 'open' || state === 'idle';
/** It waits for nobody any more: it is on its way out, or nobody wants it. */
const hasLeft = ({ type, to }: StateBody): boolean => to === 'closing' || to === 'closed' || (type === 'host-state' && to === 'idle');

export class Falls {
  readonly #deps: FallsDeps;
  readonly #falls = new Map<NodeId, Fall>();
  /** With whom each fell that is not up again. */
  readonly #roots = new Map<NodeId, NodeId>();
  /** Where those that fell listened. */
  readonly #places = new Map<NodeId, string>();

  constructor(deps: FallsDeps) {
    this.#deps = deps;
  }

  /** Publishes what happened to a node; a change of state says with whom it fell, or what fell with it. */
  tell(id: NodeId, body: EventBody): void {
    if (body.type !== 'host-state' && body.type !== 'tunnel-state') return this.#publish(id, body);
    const root = this.#roots.get(id);
    // A failure while nothing is missing is its own: whoever fell with another has a story of its own from then on.
    const own = body.failure !== null && body.waitingOn.length === 0;
    if (hasLeft(body)) this.#publish(id, body);
    else if (root !== undefined && !own && !this.#moved(id, body)) this.#publish(id, { ...body, failure: null, cause: said(root) });
    else this.#publish(id, own && isUp(body, body.from) ? this.#begin(id, body) : body);
    if (hasLeft(body)) this.#disband(id);
    if (root !== undefined && isUp(body, body.to)) this.#falls.get(root)?.back.add(id);
    if (own || hasLeft(body) || isUp(body, body.to)) this.#forget(id);
  }

  #begin(id: NodeId, body: StateBody): StateBody {
    // It may fall again before all are back.
    const fall = this.#falls.get(id) ?? { at: this.#deps.clock.now(), down: new Set(), back: new Set() };
    for (const each of this.#deps.reach(id)) {
      if (this.#roots.has(each)) continue;
      this.#roots.set(each, id);
      fall.down.add(each);
      fall.back.delete(each);
    }
    if (fall.down.size === 0) return body;
    this.#falls.set(id, fall);
    return { ...body, fell: [...fall.down].map(said) };
  }

  /** It came back elsewhere, which is news of its own. */
  #moved(id: NodeId, body: StateBody): boolean {
    if (body.type !== 'tunnel-state' || body.ingress === null) return false;
    const place = this.#places.get(id);
    this.#places.set(id, body.ingress);
    return place !== undefined && place !== body.ingress;
  }

  /** Those that fell with it wait for it no longer, or for another reason. */
  #disband(root: NodeId): void {
    for (const each of this.#falls.get(root)?.down ?? []) this.#roots.delete(each);
    this.#falls.delete(root);
  }

  /** It waits for its root no longer. Whoever is the last makes the return complete. */
  #forget(id: NodeId): void {
    const root = this.#roots.get(id);
    if (root === undefined) return;
    this.#roots.delete(id);
    this.#places.delete(id);
    const fall = this.#falls.get(root);
    fall?.down.delete(id);
    if (!fall || fall.down.size > 0) return;
    this.#falls.delete(root);
    if (fall.back.size === 0) return;
    this.#publish(root, { type: 'recovered', back: [...fall.back].map(said), tookMs: this.#deps.clock.now() - fall.at });
  }

  #publish(id: NodeId, body: EventBody): void {
    this.#deps.publish({ kind: id.startsWith('host:') ? 'host' : 'tunnel', name: nodeName(id) }, body);
  }
}

const said = (id: NodeId): string => id.replace(':', ' ');
