/** The command line that carries a tunnel with an ssh of another machine (`launch: ssh`). Pure. */
import { formatAddress, type Address } from '../core/address.ts';
import { err, ok, type Result } from '../core/result.ts';
import { listensOnHost, type TunnelType } from '../core/spec.ts';
import { quote } from './shell-quote.ts';

export interface LaunchDestination {
  /** A name as the client host understands it: an alias of its own ssh_config will do. */
  readonly hostname: string;
  readonly port?: number;
  readonly user?: string;
  /** Hops between the client host and it, outermost first. */
  readonly jumps?: readonly LaunchDestination[];
}

export interface ForwardArguments {
  readonly type: TunnelType;
  readonly ingress: Address;
  readonly egress: Address | null;
  readonly socketMode: number;
}

/** Ends with us: no multiplexing (a master would keep the forwarding), no prompt, nothing forwarded that was not asked for. */
const COMMON = [
  '-T',
  '-a',
  '-x',
  ...option('BatchMode=yes'),
  ...option('ControlMaster=no'),
  ...option('ControlPath=none'),
  ...option('PermitLocalCommand=no'),
  ...option('ConnectTimeout=10'),
  ...option('ServerAliveInterval=5'),
  ...option('ServerAliveCountMax=3'),
];

/** `ssh -N -L|-R|-D … destination`, as words. */
export function forwardWords(forward: ForwardArguments, to: LaunchDestination): Result<string[], string> {
  const { type, ingress, egress, socketMode } = forward;
  const flag = type === 'local' ? '-L' : type === 'dynamic' ? '-D' : '-R';
  const ends = egress && (type === 'local' || type === 'remote') ? `${end(ingress)}:${end(egress)}` : end(ingress);
  const destination = destinationWords(to);
  if (!destination.ok) return destination;
  for (const one of [ingress, egress])
    if (one?.kind === 'unix' && /[:\s]/.test(one.path)) return err(`ssh cannot take the path ${one.path}`);
  // Replacing a file of ours that was left; that nobody listens on it is seen to before.
  const socket =
    listensOnHost(type) || ingress.kind !== 'unix'
      ? []
      : [...option(`StreamLocalBindMask=0${(0o777 & ~socketMode).toString(8)}`), ...option('StreamLocalBindUnlink=yes')];
  return ok(['ssh', '-v', '-N', ...COMMON, ...option('ExitOnForwardFailure=yes'), ...socket, flag, ends, ...destination.value]);
}

/** `ssh -W`: one connection made from the destination. -vv, because only there it says that the connection came about. */
export function connectWords(target: Address, to: LaunchDestination): Result<string[], string> {
  const destination = destinationWords(to);
  return destination.ok ? ok(['ssh', '-vv', ...COMMON, '-W', end(target), ...destination.value]) : destination;
}

function destinationWords(to: LaunchDestination): Result<string[], string> {
  for (const { hostname, user } of [to, ...(to.jumps ?? [])]) {
    if (!/^[A-Za-z0-9_:][A-Za-z0-9_.:%-]*$/.test(hostname)) return err(`ssh cannot be given the host name "${hostname}"`);
    if (user !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$/.test(user)) return err(`ssh cannot be given the user name "${user}"`);
  }
  const jumps = (to.jumps ?? []).map(hop);
  return ok([
    ...(jumps.length > 0 ? ['-J', jumps.join(',')] : []),
    ...(to.port === undefined ? [] : ['-p', String(to.port)]),
    ...(to.user === undefined ? [] : ['-l', to.user]),
    '--',
    to.hostname,
  ]);
}

function hop({ hostname, port, user }: LaunchDestination): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
}

const end = (address: Address): string => formatAddress(address);

function option(setting: string): string[] {
  return ['-o', setting];
}

/**
 * Runs `words` so that they die with the channel: a process on the far side without a terminal gets no signal when the connection goes,
 * but its stdin ends. The watcher reads by the shell's own `read`, so that nothing else is left when it is killed. One line, and sh named: the account's shell may be another.
 */
export function dyingCommand(words: readonly string[], removeAtEnd: string | null): string {
  const script = [
    'exec 3<&0',
    'SSH_ASKPASS_REQUIRE=never; export SSH_ASKPASS_REQUIRE',
    'f=$1; shift',
    '"$@" </dev/null 3<&- & p=$!',
    '(while read -r x; do :; done; kill "$p") <&3 >/dev/null 2>&1 & w=$!',
    'exec 3<&- </dev/null',
    'trap \'kill "$p" "$w" 2>/dev/null\' HUP INT TERM',
    'wait "$p"; s=$?',
    'kill "$w" 2>/dev/null',
    'test -S "$f" && rm -f -- "$f"',
    'exit "$s"',
  ].join('; ');
  return ['exec', 'sh', '-c', quote(script), 'tunnels', quote(removeAtEnd ?? ''), ...words.map(quote)].join(' ');
}
