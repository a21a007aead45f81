/** What the proxy protocols are given, and what they come to: a client to be joined to the target it asked for. */
import type { Duplex } from 'node:stream';
import type { TcpAddress } from '../core/address.ts';
import type { Failure } from '../core/failure.ts';

export interface Negotiation {
  /** Dials what the client asked for; names are passed on as they are, they resolve at the far end. Rejects with a FailureError. */
  readonly connect: (target: TcpAddress) => Promise<Duplex>;
  /** Fires when the client took too long over its handshake, or the tunnel closes. Not heeded while connect() is under way. */
  readonly signal: AbortSignal;
}

export type Negotiated =
  | { readonly ok: true; readonly near: Duplex; readonly far: Duplex }
  /** The client has been answered and its stream is ended. */
  | { readonly ok: false; readonly failure: Failure };
