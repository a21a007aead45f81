/** The two ends a forwarder joins: clients that arrive at an ingress, and dialled targets at an egress. */
import type { Duplex } from 'node:stream';
import type { Address } from '../core/address.ts';
import type { StopSignal } from '../core/stop.ts';
import type { Origin } from '../ssh/connection.ts';

/** Somebody who connected to an ingress and has not been served yet. */
export interface Client {
  /** Null for a unix socket. */
  readonly origin: Origin | null;
  /** Takes the connection. Once only. */
  accept(): Duplex;
  /** Turns it away, with a reset where the transport has one. */
  refuse(): void;
}

export type OnClient = (client: Client) => void;

/** A bound ingress, on this machine or on a host. */
export interface Listener {
  /** With the real port and the real address: `127.0.0.1:8080`. */
  readonly bound: Address;
  /** Stops accepting; what is open stays. Never rejects. */
  close(): Promise<void>;
}

/** Opens a connection from the egress side. Rejects with a FailureError: `target-*`, or `connection-lost`. */
export type Dial = (target: Address, origin: Origin | null, signal: StopSignal) => Promise<Duplex>;
