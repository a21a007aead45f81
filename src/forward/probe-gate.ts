/**
 * Stands between a remote listener and its clients while it is found out where the listener is: recognises our own probes by
 * what they send, and passes everybody else on with their bytes.
 */
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { RemoteClient } from '../ssh/connection.ts';
import type { OnClient } from './client.ts';
import { closeStream, resetStream } from './reset-stream.ts';

/** One probe: send `nonce` to an address; `arrived` resolves when it comes out at our listener. */
export interface Probe {
  readonly nonce: Buffer;
  readonly arrived: Promise<void>;
  forget(): void;
}

/** No protocol's client begins with a zero byte and this, so that hardly any client is held for looking like a probe. */
const MARK = Buffer.from('\0tunnels landing probe ');

export class ProbeGate {
  readonly #onClient: OnClient;
  readonly #probes = new Map<string, () => void>();
  /** Clients that have not shown who they are; each is passed on when called. */
  readonly #undecided = new Set<() => void>();
  #open = false;

  constructor(onClient: OnClient) {
    this.#onClient = onClient;
  }

  newProbe(): Probe {
    const nonce = Buffer.concat([MARK, Buffer.from(`${randomBytes(16).toString('hex')}\n`)]);
    const key = nonce.toString('latin1');
    let arrived: () => void = () => {};
    const promise = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    this.#probes.set(key, arrived);
    return { nonce, arrived: promise, forget: () => void this.#probes.delete(key) };
  }

  /** Ends the probing: whoever was held is passed on, and from now on clients pass untouched. */
  open(): void {
    this.#open = true;
    for (const pass of [...this.#undecided]) pass();
  }

  accept(client: RemoteClient): void {
    if (this.#open || this.#probes.size === 0) return this.#onClient(client);
    // Only what it sends tells a probe from a client, and nothing is sent before the channel is accepted.
    this.#examine(client, client.accept());
  }

  #examine(client: RemoteClient, stream: Duplex): void {
    let bytes: Buffer = Buffer.alloc(0);
    const detach = (): void => {
      stream.pause();
      stream.off('data', onData);
      this.#undecided.delete(pass);
    };
    const pass = (): void => {
      detach();
      if (bytes.length > 0 && !stream.readableEnded && !stream.destroyed) stream.unshift(bytes);
      this.#onClient({ origin: client.origin, accept: () => stream, refuse: () => resetStream(stream) });
    };
    const onData = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const text = bytes.toString('latin1');
      const arrived = this.#probes.get(text);
      if (arrived) {
        detach();
        closeStream(stream);
        arrived();
      } else if (![...this.#probes.keys()].some((nonce) => nonce.startsWith(text))) pass();
    };
    stream.on('error', () => {});
    this.#undecided.add(pass);
    stream.on('data', onData);
    stream.resume();
  }
}
