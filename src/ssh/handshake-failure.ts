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

const AUTH_HINT = 'the account or this address may not log in now, or the time to log in ran out (LoginGraceTime)';

/** The server closed the connection without a reason; `said` is what came before: its first line, or while authenticating its last banner. */
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
      hint: 'too many logins are under way there: it is tried again, and if this stays, raise MaxStartups in its sshd_config',
      retryAfterMs: 1_000,
    };
  if (phase === 'handshake' && said !== '' && !said.startsWith('SSH-'))
    return { code: 'refused', message: `${address} is no SSH server: it answered "${said.slice(0, 80)}"`, hint: 'check hostname and port' };
  const closed = `${address} closed the connection ${DOING[phase]}`;
  // sshd says so why an account may not log in (PAM: expired, locked, at this hour), and closes.
  if (phase === 'authenticate' && said !== '')
    return { code: 'connection-lost', message: `${closed}; it said "${said}"`, hint: `${AUTH_HINT}: its log says which` };
  const hint =
    phase === 'authenticate'
      ? AUTH_HINT
      : 'too many logins under way there (MaxStartups), a firewall, or sshd’s access rules; it is tried again';
  return { code: 'connection-lost', message: closed, hint };
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
