/** What a connection that ends before it is authenticated means. */
import type { FailureParts } from '../core/failure.ts';
import { dialFailure, errorText } from './to-failure.ts';

export type Phase = 'dial' | 'handshake' | 'authenticate';

/** sshd 9.8 and later hold failed logins against the address, 5 s each and up. */
const PENALTY_MS = 15_000;

const DOING: Readonly<Record<Phase, string>> = {
  dial: 'while connecting',
  handshake: 'during the handshake',
  authenticate: 'while authenticating',
};

/** The server closed the connection without saying why; `said` is all it sent. */
export function lostDuring(phase: Phase, said: string, address: string): FailureParts {
  if (/not allowed at this time/i.test(said))
    return {
      code: 'refused',
      message: `${address} answered "${said}"`,
      hint: 'too many failed logins from this address: the server waits for a while (PerSourcePenalties)',
      retryAfterMs: PENALTY_MS,
    };
  if (/MaxStartups/i.test(said))
    return {
      code: 'refused',
      message: `${address} answered "${said}"`,
      hint: 'too many logins at the same time there (MaxStartups)',
      retryAfterMs: 1_000,
    };
  if (phase === 'handshake' && said !== '' && !said.startsWith('SSH-'))
    return { code: 'refused', message: `${address} is no SSH server: it answered "${said.slice(0, 80)}"`, hint: 'check hostname and port' };
  const hint =
    phase === 'authenticate'
      ? 'the time to log in may have run out (LoginGraceTime), or the server does not let this address in'
      : 'too many logins at the same time (MaxStartups), or a firewall or sshd’s access rules';
  return { code: 'connection-lost', message: `${address} closed the connection ${DOING[phase]}`, hint };
}

/** An error of ssh2's, or a server's disconnect message, before authentication is done. */
export function protocolFailure(
  error: Error & { level?: string },
  phase: Phase,
  { said, address }: { said: string; address: string },
): FailureParts {
  const text = errorText(error);
  if (/not allowed at this time/i.test(text)) return lostDuring(phase, text, address);
  if (/connection lost before handshake/i.test(text)) return lostDuring('handshake', said, address);
  if (/too many authentication failures/i.test(text))
    return {
      code: 'auth-rejected',
      message: `the server stopped after too many failed attempts`,
      hint: 'set identities_only: true and identity_file, so that only the right key is tried',
      cause: text,
    };
  if (/no matching/i.test(text))
    return {
      code: 'refused',
      message: `nothing in common with the server: ${text.replace(/^Handshake failed: /i, '')}`,
      hint: 'set ciphers, kex or macs to what it offers, or transport: openssh',
      cause: text,
    };
  if (error.level === 'client-socket') return dialFailure(error, address);
  if (/invalid identification|invalid header|header line|greeting/i.test(text)) return lostDuring('handshake', said || text, address);
  return { code: 'connection-lost', message: `${text} (${DOING[phase]})`, cause: text };
}
