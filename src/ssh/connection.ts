/**
 * The port to an SSH connection: all that the rest of the program knows of SSH.
 * Every rejection is a FailureError (core/failure); nothing here throws synchronously.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Address } from '../core/address.ts';
import type { Failure } from '../core/failure.ts';
import type { StopSignal } from '../core/stop.ts';

export interface Origin {
  readonly address: string;
  readonly port: number;
}

/** A client that connected to a remote listener and waits to be accepted or refused. */
export interface RemoteClient {
  readonly origin: Origin | null;
  /** The address it connected to, as the server reports it (RFC 4254 §7.2). */
  readonly destination: Address;
  /** Takes the connection. May be called once; after the connection is lost it gives a destroyed stream. */
  accept(): Duplex;
  refuse(): void;
}

export interface RemoteListener {
  /** What was asked for, with the port the server allocated in place of 0. Where it really listens is for `verify` to find out. */
  readonly bound: Address;
  /** Stops listening (cancel-tcpip-forward); connections that are open stay. Never rejects. */
  close(): Promise<void>;
}

export interface ExecProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the process ended or the channel closed: exit code, or signal name, or neither when the connection was lost. */
  readonly exit: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** Closes the channel: the process sees the end of its stdin. */
  close(): void;
}

export interface Connection {
  /** The server's identification string, e.g. `SSH-2.0-OpenSSH_9.2p1`; sanitised. */
  readonly serverVersion: string;
  /** The address of the far end of the TCP connection, where there is one (not through a jump). */
  readonly remoteAddress: string | null;
  /**
   * Opens a channel to `target` from the host: direct-tcpip (RFC 4254 §7.2) or direct-streamlocal@openssh.com (PROTOCOL §2.4).
   * Rejects with `target-refused`, `target-unreachable` or `target-forbidden`, `connection-lost` when the connection went,
   * `timeout` when the server does not answer within `timeoutMs` (default 60 000).
   */
  dial(target: Address, options?: { readonly origin?: Origin; readonly signal?: StopSignal; readonly timeoutMs?: number }): Promise<Duplex>;
  /**
   * Asks the host to listen: tcpip-forward (RFC 4254 §7.1) or streamlocal-forward@openssh.com.
   * `*` asks for all interfaces, `localhost` for both loopbacks. Rejects with `remote-forward-denied`, `connection-lost`, `timeout`.
   */
  listen(at: Address, onClient: (client: RemoteClient) => void): Promise<RemoteListener>;
  /** Runs a command in the account's shell (RFC 4254 §6.5). Rejects with `connection-lost`, `target-forbidden` when exec is not allowed. */
  exec(command: string): Promise<ExecProcess>;
  /** One keepalive round trip, in milliseconds. Rejects with `keepalive-timeout` after `timeoutMs`. */
  ping(timeoutMs: number): Promise<number>;
  /** Changes the keepalive of the live connection. */
  setKeepalive(keepalive: { readonly intervalMs: number; readonly count: number }): void;
  /** What goes over it has fallen silent: where it has been silent nearly long enough itself, it is given up now, and this is true. */
  doubt(): boolean;
  /** Resolves once, when the connection is gone, with the cause, or null where it was ended from here. */
  readonly closed: Promise<Failure | null>;
  /**
   * Resolves once the server has closed every channel that was closed here, and so has handed on all that was sent on them; or with the
   * connection. May take as long as whoever reads behind the server.
   */
  flushed(): Promise<void>;
  /** Disconnects politely, and where it can flushed; `closed` resolves within `timeoutMs` (default 2 000) in any case. */
  end(timeoutMs?: number): Promise<void>;
}
