/** The bound end of a tunnel: here, on a host, or held by an ssh that runs on another machine. */
import { tcp, type Address } from '../core/address.ts';
import { failure, FailureError, type Failure } from '../core/failure.ts';
import { nodeName, type TunnelNode } from '../core/graph.ts';
import type { HostSpec } from '../core/spec.ts';
import type { Listener, OnClient } from '../forward/client.ts';
import { HeldByAnother } from '../forward/remote-denial.ts';
import type { Connection } from '../ssh/connection.ts';
import type { LostBinds } from './lost-bind.ts';
import type { HostListener, LaunchedListener, Network } from './network.ts';
import type { PendingCloses } from './pending-closes.ts';

/** Each that is busy costs a round or two to the host. */
const NEXT_TRIES = 10;

export interface IngressDeps {
  readonly closing: PendingCloses;
  readonly lost: LostBinds;
  readonly network: Network;
  /** The connection a session's listeners are on; null while it is down. */
  lead(session: string): Connection | null;
  egress(tunnel: TunnelNode): Address | null;
  launchTarget(tunnel: TunnelNode): { readonly host: HostSpec; readonly jumps: readonly HostSpec[] } | null;
  readonly onClient: OnClient;
  readonly onLost: (failure: Failure) => void;
  /** Its place is still held, by what may be ours, and is waited for. */
  readonly onHeld: (failure: Failure) => void;
  /** It listens, but where could not be proven. */
  readonly onUnverified: (reason: string) => void;
}

interface Held {
  readonly listener: Listener;
  /** The session it listens through and the connection of it; null on this machine. */
  readonly through: string | null;
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
  #closed = false;
  /** While it is being bound: whoever wants the place next waits until this one has let go of it. */
  #abandon: (() => void) | null = null;

  constructor(deps: IngressDeps) {
    this.#deps = deps;
  }

  /** Stays told while the connection it listens through is down. */
  get bound(): Address | null {
    return this.#held?.listener.bound ?? this.#last;
  }

  /** What is bound went with its connection, and the session goes on by another one. */
  get adrift(): boolean {
    const held = this.#held;
    return held !== null && held.through !== null && this.#deps.lead(held.through) !== held.on;
  }

  /** Binds, unless what is bound still holds. Rejects with a FailureError; when `signal` fires, what was bound is let go. */
  async bind(node: TunnelNode, signal: AbortSignal): Promise<Address> {
    const through = node.runsOn ?? node.listenOn;
    const connection = through === null ? null : this.#deps.lead(through);
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
    this.#held = { listener, through, on: connection };
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
    const again = this.#previousPort(node);
    if (again) {
      const bound = await this.#listenOnHost(node, again, { connection, signal }).catch(() => null);
      if (bound) return bound;
    }
    return this.#listenOrNext(node, ingress, { connection, signal });
  }

  /** With `on_conflict: next`, the ports after one that another process holds are tried. */
  async #listenOrNext(node: TunnelNode, asked: Address, on: OnHost): Promise<Listener> {
    const last = asked.kind === 'tcp' && asked.port > 0 && node.spec.onConflict === 'next' ? Math.min(asked.port + NEXT_TRIES, 65_535) : 0;
    for (let address = asked; ; ) {
      try {
        return await this.#listenOnHost(node, address, on);
      } catch (error) {
        if (!(error instanceof HeldByAnother) || address.kind === 'unix' || address.port >= last || on.signal.aborted) throw error;
        address = tcp(address.host, address.port + 1);
      }
    }
  }

  async #listenOnHost(node: TunnelNode, address: Address, { connection, signal }: OnHost): Promise<Listener> {
    const { lead, lost, network, onClient, onHeld, onUnverified } = this.#deps;
    const session = node.listenOn ?? '';
    const options = { spec: node.spec, onClient, signal, onHeld, earlier: lost.earlier({ session, address }) };
    const listener: HostListener = await network.listenOnHost({ connection, name: nodeName(session) }, address, options);
    if (listener.proof === 'unverified') onUnverified(listener.reason ?? 'the host does not let us look');
    // A port the host chose is asked for again by its number.
    const held = address.kind === 'tcp' && listener.bound.kind === 'tcp' ? tcp(address.host, listener.bound.port) : address;
    const place = { session, address: held };
    lost.hold(place, connection);
    const close = async (): Promise<void> => {
      await listener.close();
      // Else it may be dead, and the server has not heard of it.
      if (lead(session) === connection) lost.release(place);
    };
    return { bound: listener.bound, close };
  }

  async #launch(node: TunnelNode, connection: Connection, signal: AbortSignal): Promise<LaunchedListener> {
    const target = this.#deps.launchTarget(node);
    if (!target) throw notConnected(node.spec.name);
    const request = { spec: node.spec, ...target, egress: this.#deps.egress(node), previous: this.#previousPort(node), signal };
    const launched = await this.#deps.network.launch(connection, request);
    void launched.closed.then((cause) => {
      if (this.#held?.listener !== launched) return;
      this.#held = null;
      if (cause) this.#deps.onLost(cause);
    });
    return launched;
  }

  /** Where the port was not the file's choice. */
  #previousPort({ spec: { ingress, onConflict } }: TunnelNode): Address | null {
    if (ingress.kind !== 'tcp' || this.#last?.kind !== 'tcp' || this.#last.port === ingress.port) return null;
    return ingress.port === 0 || onConflict === 'next' ? tcp(ingress.host, this.#last.port) : null;
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
