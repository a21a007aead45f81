/**
 * The one place that touches what ssh2 does not publish. The version is pinned in package.json; each function says what
 * happens where the internals are not as expected.
 */
import type { Channel, Client } from 'ssh2';

interface Internals {
  readonly _callbacks?: ((error: unknown) => void)[];
  readonly _protocol?: { ping?(): void; _handlers?: Record<string, unknown> };
}

const inside = (client: Client): Internals => client as unknown as Internals;

/**
 * Sends keepalive@openssh.com (PROTOCOL §1) and calls back at the answer, which is a refusal from most servers and as good as a
 * yes. False, and no call, where the connection or the internals are not there.
 */
export function sendPing(client: Client, onAnswer: (answered: boolean) => void): boolean {
  const { _callbacks: callbacks, _protocol: protocol } = inside(client);
  if (!Array.isArray(callbacks) || typeof protocol?.ping !== 'function') return false;
  // At the end of a connection every callback is given an Error; an answer is a boolean.
  callbacks.push((error) => onAnswer(!(error instanceof Error)));
  protocol.ping();
  return true;
}

/**
 * Tells of every USERAUTH_FAILURE (RFC 4252 §5.1) before ssh2 acts on it: for keys of an agent ssh2 keeps the server's list and
 * its "partial success" to itself. Without the internals nothing is told, and the lists given to authHandler must do.
 */
export function onAuthFailure(client: Client, listener: (methods: readonly string[], partial: boolean) => void): void {
  const handlers = inside(client)._protocol?._handlers;
  const original = handlers?.['USERAUTH_FAILURE'];
  if (!handlers || typeof original !== 'function') return;
  handlers['USERAUTH_FAILURE'] = (protocol: unknown, methods: unknown, partial: unknown): void => {
    if (Array.isArray(methods)) listener(methods.map(String), partial === true);
    Reflect.apply(original, undefined, [protocol, methods, partial]);
  };
}

/** Whether the peer said that it has no more to send, or closed, though what it sent may not all be read yet. False where unknown. */
export function peerFinished(channel: Channel): boolean {
  const { incoming } = channel as unknown as { readonly incoming?: { readonly state?: unknown } };
  return incoming?.state === 'eof' || incoming?.state === 'closed';
}
