/** Asks whether the egress of a tunnel answers, by the way its connections go. */
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { formatAddress, type Address } from '../core/address.ts';
import { FailureError } from '../core/failure.ts';
import type { Dial } from './client.ts';
import { resetStream } from './reset-stream.ts';

/** Resolves when the target takes a connection. Rejects as `dial` does, or when `signal` fires. */
export async function probeTcp(dial: Dial, target: Address, signal: AbortSignal): Promise<void> {
  resetStream(await dial(target, null, signal));
}

/** Resolves when the target answers GET `path` with a status below 400. Redirects are not followed. */
export async function probeHttp(
  dial: Dial,
  target: { readonly address: Address; readonly path: string },
  signal: AbortSignal,
): Promise<void> {
  const stream = await dial(target.address, null, signal);
  try {
    const status = await get(stream, target, signal);
    if (status < 400) return;
    throw unhealthy(`${formatAddress(target.address)} answers GET ${target.path} with ${status}`);
  } finally {
    resetStream(stream);
  }
}

function get(
  stream: Duplex,
  { address, path }: { readonly address: Address; readonly path: string },
  signal: AbortSignal,
): Promise<number> {
  const host = address.kind === 'tcp' ? formatAddress(address) : 'localhost';
  return new Promise((resolve, reject) => {
    const asked = request({ path, headers: { host, connection: 'close' }, createConnection: () => stream, signal }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.once('error', (error) => reject(unhealthy(`${formatAddress(address)} does not answer GET ${path}: ${error.message}`)));
    asked.end();
  });
}

const unhealthy = (message: string): FailureError =>
  new FailureError({ code: 'target-unreachable', message, hint: 'is the service behind the egress up, and does it speak HTTP there?' });
