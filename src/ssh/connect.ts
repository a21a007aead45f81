/** Connects to a host: the one way in. */
import { FailureError, isFailureError } from '../core/failure.ts';
import { chooseAlgorithms } from './algorithms.ts';
import type { Connection } from './connection.ts';
import type { ConnectRequest } from './connect-request.ts';
import { Handshake } from './handshake.ts';
import { HostVerifier } from './host-verifier.ts';

/** Every rejection is a FailureError whose message begins with the host's name. */
export async function connect(request: ConnectRequest): Promise<Connection> {
  const refusedTypes: string[] = [];
  let firstMismatch: FailureError | null = null;
  for (;;) {
    const verifier = await HostVerifier.prepare(request);
    try {
      return await new Handshake(request, verifier, algorithmsFor(request, verifier, refusedTypes)).run();
    } catch (error) {
      if (!isFailureError(error)) throw error;
      // A pin does not say which of the server's keys it is of: ask for the others before calling it changed.
      if (firstMismatch && error.failure.code !== 'host-key-changed') throw firstMismatch;
      const type = verifier.mismatchedType;
      if (error.failure.code !== 'host-key-changed' || request.host.hostKeys.length === 0 || type === null) throw error;
      firstMismatch ??= error;
      if (refusedTypes.includes(type) || refusedTypes.length >= MAX_KEY_TYPES) throw firstMismatch;
      refusedTypes.push(type);
    }
  }
}

/** Ed25519, RSA and the three of ECDSA. */
const MAX_KEY_TYPES = 4;

function algorithmsFor(
  request: ConnectRequest,
  verifier: HostVerifier,
  without: readonly string[],
): ReturnType<typeof chooseAlgorithms>['algorithms'] {
  const { host, notify } = request;
  const { algorithms, unsupported, empty } = chooseAlgorithms(host, { known: verifier.preferredTypes, without });
  if (empty.length > 0)
    throw new FailureError({
      code: 'refused',
      message: `${host.name}: none of the ${empty.join(' and ')} asked for is supported: ${unsupported.join(', ')}`,
      hint: 'set transport: openssh for this host, or leave the list out',
    });
  if (unsupported.length > 0 && without.length === 0)
    notify({
      type: 'warning',
      message: `${host.name}: not supported, and left out: ${unsupported.join(', ')}`,
      hint: 'transport: openssh has them',
    });
  return algorithms;
}
