/** Where a tunnel's new connections go, and by what: the egress with its real port, over the connection of the moment. */
import { formatAddress, type Address } from '../core/address.ts';
import { same } from '../core/change.ts';
import type { TunnelNode } from '../core/graph.ts';
import type { Dial } from '../forward/client.ts';
import type { Connection } from '../ssh/connection.ts';
import type { Network } from './network.ts';
import type { Traffic } from './traffic.ts';
import type { ProbeWay } from './tunnel-probe.ts';

export interface EgressWayDeps {
  readonly network: Network;
  readonly traffic: Traffic;
  /** The live connection of a session; null while it is down. */
  connection(session: string): Connection | null;
  egress(tunnel: TunnelNode): Address | null;
  readonly onRetarget: (egress: string) => void;
}

export class EgressWay {
  readonly #deps: EgressWayDeps;
  #egress: Address | null = null;
  #dial: Dial | null = null;
  #connection: Connection | null = null;
  readonly #carrier: { dial: Connection | null; listen: Connection | null } = { dial: null, listen: null };

  constructor(deps: EgressWayDeps) {
    this.#deps = deps;
  }

  get probeWay(): Omit<ProbeWay, 'bound'> {
    return { dial: this.#dial, connection: this.#connection, egress: this.#egress };
  }

  /** New connections go by the present way. Without one they are parked. */
  open(node: TunnelNode): void {
    this.follow(node);
    if (node.listenOn !== null && node.runsOn === null) this.#carriedBy('listen', this.#deps.connection(node.listenOn));
    const through = node.runsOn ?? node.dialFrom;
    if (through === null) return this.#go(this.#deps.network.dialHere, null);
    const connection = this.#deps.connection(through);
    this.#carriedBy('dial', connection);
    this.#go(connection && this.#deps.network.dialFromHost(connection), connection);
  }

  /** New connections are parked. */
  suspend(): void {
    this.#go(null, null);
  }

  /** The egress may be another one now: it changed in the file, or the port behind it was allocated anew. */
  follow(node: TunnelNode): void {
    const egress = this.#deps.egress(node);
    if (same(egress, this.#egress)) return;
    const first = this.#egress === null;
    this.#egress = egress;
    if (!egress) return;
    this.#deps.traffic.retarget(egress);
    if (!first) this.#deps.onRetarget(formatAddress(egress));
  }

  /** What it points at is another tunnel's business from now on: the next one is no change to tell. */
  forget(): void {
    this.#egress = null;
    this.suspend();
  }

  #go(dial: Dial | null, connection: Connection | null): void {
    this.#dial = dial;
    this.#connection = connection;
    this.#deps.traffic.setDial(dial);
  }

  /** When what carries the open connections dies, they are reset in the same turn: a cut stream must not look like one that ended. */
  #carriedBy(end: 'dial' | 'listen', connection: Connection | null): void {
    if (!connection || this.#carrier[end] === connection) return;
    this.#carrier[end] = connection;
    void connection.closed.then((cause) => {
      // One that retired has been replaced, and connections may be open on its successor.
      if (cause && this.#carrier[end] === connection) this.#deps.traffic.closeConnections();
    });
  }
}
