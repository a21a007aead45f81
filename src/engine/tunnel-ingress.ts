/** The bound end of a tunnel: here, on a host, or held by an ssh that runs on another machine. */
import { tcp, type Address } from '../core/address.ts';
import { failure, FailureError, type Failure } from '../core/failure.ts';
import { nodeName, type TunnelNode } from '../core/graph.ts';
import type { HostSpec } from '../core/spec.ts';
import type { Listener, OnClient } from '../forward/client.ts';
import type { Connection } from '../ssh/connection.ts';
import type { Clock } from './clock.ts';
import { LostBind } from './lost-bind.ts';
import type { HostListener, LaunchedListener, Network } from './network.ts';
import type { PendingCloses } from './pending-closes.ts';

export interface IngressDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly closing: PendingCloses;
  readonly network: Network;
  connection(session: string): Connection | null;
  egress(tunnel: TunnelNode): Address | null;
  launchTarget(tunnel: TunnelNode): { readonly host: HostSpec; readonly jumps: readonly HostSpec[] } | null;
  readonly onClient: OnClient;
  readonly onLost: (failure: Failure) => void;
  /** It listens, but where could not be proven. */
  readonly onUnverified: (reason: string) => void;
}

interface Held {
  readonly listener: Listener;
  /** What it listens through; null on this machine. */
  readonly on: Connection | null;
}

interface OnHost {
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

export class TunnelIngress {
  readonly #deps: IngressDeps;
  #held: Held | null = null;
  /** What was bound last: after a loss the same port is asked for again, so that those who know it find it. */
  #last: Address | null = null;
  readonly #lost: LostBind;
  #closed = false;
  /** While it is being bound: whoever wants the place next waits until this one has let go of it. */
  #abandon: (() => void) | null = null;

  constructor(deps: IngressDeps) {
    this.#deps = deps;
    this.#lost = new LostBind(deps.clock);
  }

  /** Stays told while the connection it listens through is down. */
  get bound(): Address | null {
    return this.#held?.listener.bound ?? this.#last;
  }

  /** Binds, unless what is bound still holds. Rejects with a FailureError; when `signal` fires, what was bound is let go. */
  async bind(node: TunnelNode, signal: AbortSignal): Promise<Address> {
    const through = node.runsOn ?? node.listenOn;
    const connection = through === null ? null : this.#deps.connection(through);
    if (through !== null && !connection) throw notConnected(through);
    if (this.#held && this.#held.on === connection) return this.#held.listener.bound;
    this.forsake();
    await this.#deps.closing.settled();
    if (signal.aborted || this.#closed) throw notConnected(through ?? node.spec.name);
    const listening = this.#listen(node, connection, signal);
    this.#abandon = () => void this.#deps.closing.add(listening.then((late) => late.close()).catch(() => undefined));
    signal.addEventListener('abort', this.#abandon, { once: true });
    const listener = await listening.finally(() => (this.#abandon = null));
    if (signal.aborted || this.#closed) {
      await listener.close();
      throw notConnected(through ?? node.spec.name);
    }
    this.#held = { listener, on: connection };
    this.#last = listener.bound;
    return listener.bound;
  }

  /** Lets go of a listener on a host: it went with its connection, or must go before another one takes its place. Here it stays. */
  forsake(): void {
    if (!this.#held || this.#held.on === null) return;
    const { listener } = this.#held;
    this.#held = null;
    void this.#deps.closing.add(listener.close());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#abandon?.();
    const held = this.#held;
    this.#held = null;
    if (held) await this.#deps.closing.add(held.listener.close());
  }

  async #listen(node: TunnelNode, connection: Connection | null, signal: AbortSignal): Promise<Listener> {
    const { network, onClient } = this.#deps;
    const { ingress } = node.spec;
    if (!connection) return network.listenHere(ingress, { spec: node.spec, onClient, signal });
    if (node.runsOn !== null) return this.#launch(node, connection, signal);
    const again = this.#previousPort(ingress);
    if (again) {
      const bound = await this.#listenOnHost(node, again, { connection, signal }).catch(() => null);
      if (bound) return bound;
    }
    return this.#listenOnHost(node, ingress, { connection, signal });
  }

  async #listenOnHost(node: TunnelNode, address: Address, { connection, signal }: OnHost): Promise<Listener> {
    const { network, onClient, onUnverified } = this.#deps;
    const session = node.listenOn ?? '';
    const options = { spec: node.spec, onClient, signal, earlier: this.#lost.earlier({ session, address }) };
    const listener: HostListener = await network.listenOnHost({ connection, name: nodeName(session) }, address, options);
    if (listener.proof === 'unverified') onUnverified(listener.reason ?? 'the host does not let us look');
    // A port the host chose is asked for again by its number.
    const held = address.kind === 'tcp' && listener.bound.kind === 'tcp' ? tcp(address.host, listener.bound.port) : address;
    this.#lost.hold({ session, address: held }, connection);
    return listener;
  }

  async #launch(node: TunnelNode, connection: Connection, signal: AbortSignal): Promise<LaunchedListener> {
    const target = this.#deps.launchTarget(node);
    if (!target) throw notConnected(node.spec.name);
    const launched = await this.#deps.network.launch(connection, { spec: node.spec, ...target, egress: this.#deps.egress(node), signal });
    void launched.closed.then((cause) => {
      if (this.#held?.listener !== launched) return;
      this.#held = null;
      if (cause) this.#deps.onLost(cause);
    });
    return launched;
  }

  #previousPort(asked: Address): Address | null {
    if (asked.kind !== 'tcp' || asked.port !== 0 || this.#last?.kind !== 'tcp') return null;
    return tcp(asked.host, this.#last.port);
  }
}

const notConnected = (name: string): FailureError =>
  new FailureError(
    failure({
      code: 'connection-lost',
      message: `${name} went away while opening`,
      hint: 'it is opened again when the connection is back',
    }),
  );
