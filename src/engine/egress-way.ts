/** Where a tunnel's new connections go, and by what: the egress with its real port, over the connection of the moment. */
import { formatAddress, type Address } from '../core/address.ts';
import { same } from '../core/change.ts';
import type { TunnelNode } from '../core/graph.ts';
import type { Dial } from '../forward/client.ts';
import type { Network, Passage } from './network.ts';
import type { Traffic } from './traffic.ts';
import type { ProbeWay } from './tunnel-probe.ts';

export interface EgressWayDeps {
  readonly network: Network;
  readonly traffic: Traffic;
  /** The way through a session; null while it is down. */
  passage(session: string): Passage | null;
  egress(tunnel: TunnelNode): Address | null;
  readonly onRetarget: (egress: string) => void;
}

export class EgressWay {
  readonly #deps: EgressWayDeps;
  #egress: Address | null = null;
  #dial: Dial | null = null;
  #passage: Passage | null = null;

  constructor(deps: EgressWayDeps) {
    this.#deps = deps;
  }

  get probeWay(): Pick<ProbeWay, 'dial' | 'passage' | 'egress'> {
    return { dial: this.#dial, passage: this.#passage, egress: this.#egress };
  }

  /** New connections go by the present way. Without one they are parked. */
  open(node: TunnelNode): void {
    this.follow(node);
    const through = node.runsOn ?? node.dialFrom;
    if (through === null) return this.#go(this.#deps.network.dialHere, null);
    const passage = this.#deps.passage(through);
    this.#go(passage && this.#deps.network.dialFromHost(passage), passage);
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

  #go(dial: Dial | null, passage: Passage | null): void {
    this.#dial = dial;
    this.#passage = passage;
    this.#deps.traffic.setDial(dial);
  }
}
