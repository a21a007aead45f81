/** What OpenSSH's client says on stderr, read as a failure or as news of its forwardings. */
import { failure, type Failure, type FailureCode } from '../core/failure.ts';

interface Meaning {
  readonly says: RegExp;
  readonly code: FailureCode;
  readonly hint: string;
}

/** In order: a host key's change is said before "Host key verification failed", a bind's refusal looks like an authentication's. */
const MEANINGS: readonly Meaning[] = [
  { says: /REVOKED HOST KEY|is marked as revoked/i, code: 'host-key-revoked', hint: 'find out whether the host was compromised' },
  {
    says: /HOST IDENTIFICATION HAS CHANGED|POSSIBLE DNS SPOOFING|Host key for .* has changed/i,
    code: 'host-key-changed',
    hint: 'find out why it changed, then correct known_hosts on the client host',
  },
  {
    says: /Host key verification failed|host key is known for|authenticity of host/i,
    code: 'host-key-unknown',
    hint: 'log in once by hand on the client host, so that its known_hosts has the key',
  },
  {
    says: /(?:Address already in use|cannot listen to port|Could not request local forwarding)/i,
    code: 'bind-in-use',
    hint: 'stop what holds it on the client host, or choose another ingress',
  },
  {
    says: /remote port forwarding failed|remote forward failure|Could not request remote forwarding/i,
    code: 'remote-forward-denied',
    hint: 'the port is in use there, or AllowTcpForwarding, PermitListen or the key’s permitlisten forbids it',
  },
  {
    says: /Permission denied \(|Too many authentication failures|No more authentication methods/i,
    code: 'auth-rejected',
    hint: 'with `launch: ssh` the keys of the client host are used: its account must be able to log in there without a prompt',
  },
  { says: /Could not resolve hostname/i, code: 'dns', hint: 'the name is resolved on the client host' },
  { says: /timed? ?out|not responding/i, code: 'timeout', hint: 'check the way from the client host, and firewalls on it' },
  { says: /Connection refused/i, code: 'refused', hint: 'is sshd running there? the client host dials it' },
  {
    says: /ssh: (?:command )?not found|not found: ssh|ssh: No such file/i,
    code: 'bind-denied',
    hint: 'install an ssh client on the client host, or use `launch: relay`',
  },
];

/** A bind that a privilege is missing for; apart, as "Permission denied" is also what a refused login says. */
const BIND_PERMISSION = /bind \[[^\]]*\]:\d+: Permission denied|Privileged ports can only be forwarded by root/i;

/** Debug lines, and targets that single connections could not reach. */
const NOT_A_CAUSE =
  /^(?:debug\d:|channel \d+: |connect_to |OpenSSH_|Allocated port|Warning: Permanently added|Transferred: |Bytes per second)/;

/** What ended an ssh, by all it said on stderr, debug lines included. `who` names it in the message. */
export function sshFailure(stderr: string, who: string): Failure {
  const lines = stderr
    .split(/\r?\n/)
    .map(printable)
    .filter((line) => line !== '' && !NOT_A_CAUSE.test(line));
  const find = (says: RegExp): string | undefined => lines.find((line) => says.test(line));
  const privileged = find(BIND_PERMISSION);
  if (privileged !== undefined)
    return failure({ code: 'bind-denied', message: `${who}: ${privileged}`, hint: 'use a port of 1024 or above', cause: privileged });
  for (const { says, code, hint } of MEANINGS) {
    const line = find(says);
    if (line !== undefined) return failure({ code, message: `${who}: ${line}`, hint, cause: line });
  }
  const last = lines.at(-1);
  return failure({
    code: 'connection-lost',
    message: last ? `${who}: ${last}` : `${who} ended`,
    hint: 'it is started again',
    cause: last ?? null,
  });
}

/** The port that the far sshd allocated for `-R 0`; null until ssh told it. */
export function allocatedPort(stderr: string): number | null {
  const port = /Allocated port (\d+) for remote forward/.exec(stderr)?.[1];
  return port === undefined ? null : Number(port);
}

/** With -v: the far sshd accepted the remote forwarding. */
export const remoteForwardSucceeded = (stderr: string): boolean =>
  /remote forward success|Allocated port \d+ for remote forward/.test(stderr);

/** With -v: the ports of its remote listeners at which connections arrived, in order. */
export const remoteArrivals = (stderr: string): readonly number[] =>
  [...stderr.matchAll(/client_request_forwarded_tcpip: listen \S* port (\d+)/g)].map(([, port]) => Number(port));

/** With -v: ssh listens on the client host. */
export const localForwardListens = (stderr: string): boolean => /Local forwarding listening on/.test(stderr);

// biome-ignore lint/suspicious/noControlCharactersInRegex: a server's banner comes this way, and may hold terminal escapes
const printable = (line: string): string =>
  line
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, '')
    .trim()
    .slice(0, 300);
