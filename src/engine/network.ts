/** All the engine does to the outside, in one value: the real one is made of ssh and forward, tests put another in its place. */
import type { Address, TcpAddress } from '../core/address.ts';
import type { HostSpec, TunnelSpec } from '../core/spec.ts';
import type { Failure } from '../core/failure.ts';
import type { Dial, Listener, OnClient } from '../forward/client.ts';
import type { EarlierBind } from '../forward/stale-bind.ts';
import type { Connection } from '../ssh/connection.ts';
import type { ConnectRequest, Transport } from '../ssh/connect-request.ts';
import type { RunCommand } from './command.ts';

export interface BindOptions {
  readonly spec: TunnelSpec;
  readonly onClient: OnClient;
  readonly signal: AbortSignal;
  /** On a host: it was bound there before, and lost with its connection. */
  readonly earlier?: EarlierBind | null;
  /** On a host: it is still held, by what may be ours, and is waited for. */
  readonly onHeld?: (failure: Failure) => void;
}

export interface LaunchRequest {
  readonly spec: TunnelSpec;
  readonly host: HostSpec;
  /** Hops between the client and the host, as `ssh -J` takes them. */
  readonly jumps: readonly HostSpec[];
  /** The egress with its real port. */
  readonly egress: Address | null;
  /** Where it was bound before, where the file leaves the port open. */
  readonly previous: Address | null;
  readonly signal: AbortSignal;
}

/** A listener that can go by itself: the process that held it ended. */
export interface LaunchedListener extends Listener {
  readonly closed: Promise<Failure | null>;
}

/** A listener on a host, and whether it is proven to be where it was asked for (`reason` says why not). */
export interface HostListener extends Listener {
  readonly proof: 'proven' | 'unverified';
  readonly reason: string | null;
}

/** What a host is for those who only pass through: several SSH connections to it look like one. */
export type Passage = Pick<Connection, 'dial' | 'ping'>;

export interface Network {
  connect(request: ConnectRequest): Promise<Connection>;
  /** From this machine, resolved anew at each dial. */
  tcpTransport(host: HostSpec, port: number): Transport;
  /** Through the hop before, called `name` in what it says when that fails. */
  channelTransport(hop: Passage, target: TcpAddress, name: string): Transport;
  listenHere(address: Address, options: BindOptions): Promise<Listener>;
  /** `name` is the host's, for what it says when it fails. */
  listenOnHost(
    on: { readonly connection: Connection; readonly name: string },
    address: Address,
    options: BindOptions,
  ): Promise<HostListener>;
  launch(connection: Connection, request: LaunchRequest): Promise<LaunchedListener>;
  readonly dialHere: Dial;
  /** On this machine, for a project that is trusted. */
  readonly runCommand: RunCommand;
  dialFromHost(passage: Passage): Dial;
}
