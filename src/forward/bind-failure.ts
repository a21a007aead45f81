/** Turns the system's refusal to bind an address of this machine into a failure that says what to do. */
import { formatAddress, type Address } from '../core/address.ts';
import { FailureError, isFailureError } from '../core/failure.ts';
import type { TunnelSpec } from '../core/spec.ts';
import { describeHolder } from './port-holder.ts';

/** What the user wants where an address is taken, and how soon to look again where it is to be waited for. */
export interface Conflict {
  readonly onConflict: TunnelSpec['onConflict'];
  readonly retryAfterMs?: number | undefined;
}

const BUSY_HINT: Readonly<Record<TunnelSpec['onConflict'], string>> = {
  fail: 'stop it, choose another ingress, or set `on_conflict: wait` or `next`',
  wait: 'it opens once that is free (`on_conflict: wait`); stop what holds it, or choose another ingress',
  next: 'the next ports are taken, too (`on_conflict: next`); choose another ingress, or 0 for any port',
};

/** A path has no next one: with `next` it is waited for. */
const BUSY_PATH_HINT: typeof BUSY_HINT = {
  fail: 'stop it, choose another ingress, or set `on_conflict: wait`',
  wait: BUSY_HINT.wait,
  next: 'a path has no next one: it opens once that is free; stop what holds it, or choose another ingress',
};

/** `error` is what listen() said; a FailureError passes. */
export async function bindFailure(address: Address, error: unknown, conflict: Conflict): Promise<FailureError> {
  if (isFailureError(error) && error.failure.code !== 'bind-in-use') return error;
  const at = formatAddress(address);
  const { code, message } = error as NodeJS.ErrnoException;
  const cause = `${code ?? 'error'}: ${message}`;
  if (isFailureError(error) || code === 'EADDRINUSE') {
    const holder = await describeHolder(address);
    return new FailureError({
      code: 'bind-in-use',
      message: holder ? `${at} is in use by ${holder}` : `${at} is in use by another process`,
      hint: (address.kind === 'unix' ? BUSY_PATH_HINT : BUSY_HINT)[conflict.onConflict],
      cause: isFailureError(error) ? error.failure.cause : cause,
      retryAfterMs: conflict.retryAfterMs,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') return deniedFailure(address, cause);
  if (code === 'EMFILE' || code === 'ENFILE')
    return new FailureError({
      code: 'connection-lost',
      message: `no file descriptor is left to listen on ${at}`,
      hint: 'raise the limit (ulimit -n), or lower max_connections; it is tried again',
      cause,
    });
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const host = address.kind === 'tcp' ? address.host : at;
    return new FailureError({
      code: 'dns',
      message: `cannot resolve ${host} on this machine`,
      hint: 'listen on an address of this machine',
      cause,
    });
  }
  if (code === 'EADDRNOTAVAIL') {
    const host = address.kind === 'tcp' ? address.host : at;
    return new FailureError({
      code: 'bind-denied',
      message: `${host} is not an address of this machine`,
      hint: 'listen on localhost, on `*`, or on an address that `ip addr` shows',
      cause,
    });
  }
  return new FailureError({ code: 'bind-denied', message: `cannot listen on ${at}: ${message}`, cause });
}

function deniedFailure(address: Address, cause: string): FailureError {
  const at = formatAddress(address);
  if (address.kind === 'unix')
    return new FailureError({
      code: 'bind-denied',
      message: `no permission to create ${at}`,
      hint: 'check the directory: it must exist, and you must be allowed to write in it',
      cause,
    });
  return new FailureError({
    code: 'bind-denied',
    message: `no permission to listen on ${at}: ports below 1024 are privileged`,
    hint:
      'use a port of 1024 or above; or on Linux allow it with `sysctl net.ipv4.ip_unprivileged_port_start=PORT`, ' +
      'or `setcap cap_net_bind_service=+ep` on the node binary',
    cause,
  });
}
