/** A tunnel carried by an ssh process on the client host, with its own keys (`launch: ssh`). It dies with the connection. */
import { isWildcard, tcp, type Address } from '../core/address.ts';
import { FailureError, isFailureError, type Failure } from '../core/failure.ts';
import { listensOnHost, type TunnelSpec } from '../core/spec.ts';
import type { Connection } from '../ssh/connection.ts';
import { HeldByAnother } from './remote-denial.ts';
import { closeStream } from './reset-stream.ts';
import { connectWords, dyingCommand, forwardWords, type LaunchDestination } from './ssh-command.ts';
import { startSsh, type RunningSsh } from './ssh-run.ts';
import { allocatedPort, localForwardListens, remoteArrivals, remoteForwardSucceeded } from './ssh-stderr.ts';

export type { LaunchDestination } from './ssh-command.ts';

export interface LaunchOptions {
  /** The client host's. */
  readonly connection: Connection;
  readonly spec: TunnelSpec;
  readonly destination: LaunchDestination;
  /** Where it was bound before, on a port that the file leaves open: tried first. */
  readonly previous?: Address | null;
  readonly signal: AbortSignal;
}

export interface LaunchedTunnel {
  /** On the client host for `local` and `dynamic`, else on the destination. */
  readonly bound: Address;
  /** Resolves when the process is gone, with why; null where it was closed from here. */
  readonly closed: Promise<Failure | null>;
  /** Ends the process, and waits up to 2 s to see it gone. Never rejects. */
  close(): Promise<void>;
}

/** For logging in and binding: ConnectTimeout, a jump or two, and slow machines. */
const READY_MS = 30_000;
const PROOF_MS = 10_000;
/** From a connection made there to our own ssh's word of it. */
const ARRIVAL_MS = 5_000;
const POLL_MS = 100;
/** ssh -L cannot allocate a port: one below the ephemeral range is tried, and another where that is taken. */
const FREE_PORTS = { first: 20_000, count: 12_000 };
const PORT_TRIES = 10;

/**
 * Starts ssh on the client host and waits until a connection proves that its ingress is there.
 * Rejects with what ssh said: `auth-rejected`, `refused`, `dns`, `host-key-unknown`, `host-key-changed`, `bind-in-use`, `remote-forward-denied`,
 * `timeout`, `connection-lost`; `bind-denied` where the client host does not run commands.
 */
export async function launchSsh(options: LaunchOptions): Promise<LaunchedTunnel> {
  const { spec, previous = null } = options;
  if (spec.ingress.kind === 'unix') return launchOnce(options, spec.ingress);
  const { host, port } = spec.ingress;
  const random = port === 0 && !listensOnHost(spec.type);
  const first = random ? FREE_PORTS.first + Math.floor(Math.random() * FREE_PORTS.count) : port;
  // A far sshd chooses a free port by itself.
  const tries = random || (port > 0 && spec.onConflict === 'next') ? PORT_TRIES : 1;
  const further = Array.from({ length: tries - 1 }, (_, index) => first + index + 1).filter((each) => each <= 65_535);
  const places = [first, ...further].map((each) => tcp(host, each));
  return launchAtOneOf(options, previous ? [previous, ...places] : places);
}

/** The next one where another process holds it. */
async function launchAtOneOf(
  options: LaunchOptions,
  [place = options.spec.ingress, ...further]: readonly Address[],
): Promise<LaunchedTunnel> {
  try {
    return await launchOnce(options, place);
  } catch (error) {
    const held = error instanceof HeldByAnother || (isFailureError(error) && error.failure.code === 'bind-in-use');
    if (!held || further.length === 0 || options.signal.aborted) throw error;
  }
  return launchAtOneOf(options, further);
}

async function launchOnce({ connection, spec, destination, signal }: LaunchOptions, ingress: Address): Promise<LaunchedTunnel> {
  const words = forwardWords({ type: spec.type, ingress, egress: spec.egress, socketMode: spec.socketMode }, destination);
  if (!words.ok) throw new FailureError({ code: 'bind-denied', message: words.error, hint: 'use another name, or `launch: relay`' });
  const far = listensOnHost(spec.type);
  if (!far && (await answers(connection, ingress)) === 'yes')
    throw new FailureError({
      code: 'bind-in-use',
      message: `${place(ingress)} is in use on ${spec.client}`,
      hint: 'stop what holds it, or choose another ingress',
    });
  const command = dyingCommand(words.value, !far && ingress.kind === 'unix' ? ingress.path : null);
  const ssh = await startSsh(connection, command, `ssh on ${spec.client}`);
  try {
    const bound = await until(ssh, signal, far ? farIngress(ssh, ingress) : nearIngress(ssh, connection, ingress));
    if (far) await proveFar(connection, { bound, spec, destination, ssh });
    if (ssh.ended()) throw new FailureError(await ssh.failed);
    return { bound, closed: ssh.closed, close: () => ssh.close() };
  } catch (error) {
    await ssh.close();
    throw far ? await farDenial(error, { connection, ingress, destination }) : error;
  }
}

/** A refusal of the far sshd has no reason (RFC 4254 §4): a connection made there tells whether somebody listens on the port. */
async function farDenial(
  error: unknown,
  { connection, ingress, destination }: { connection: Connection; ingress: Address; destination: LaunchDestination },
): Promise<unknown> {
  if (!isFailureError(error) || error.failure.code !== 'remote-forward-denied' || ingress.kind === 'unix' || ingress.port === 0)
    return error;
  const near = isWildcard(ingress.host) ? tcp('localhost', ingress.port) : ingress;
  if ((await connectFar(connection, near, destination)) !== 'yes') return error;
  return heldByAnother(ingress.port, destination, error.failure.cause);
}

const heldByAnother = (port: number, { hostname }: LaunchDestination, cause: string | null): FailureError =>
  new HeldByAnother({
    code: 'remote-forward-denied',
    message: `port ${port} on ${hostname} is in use by another process`,
    hint: 'stop that process, choose another ingress port, or set `on_conflict: next`',
    cause,
  });

/** How many connections to its remote listener ssh has told of. */
const arrivedFrom = (ssh: RunningSsh, port: number): number => remoteArrivals(ssh.stderr()).filter((each) => each === port).length;

/** Asked for `localhost`, sshd is content with one family: the other one may be somebody else's. */
async function arrives(ssh: RunningSsh, port: number, before: number): Promise<boolean> {
  const limit = Date.now() + ARRIVAL_MS;
  while (arrivedFrom(ssh, port) === before && Date.now() < limit) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  return arrivedFrom(ssh, port) > before;
}

/** Looks again and again, until `look` gives an address, ssh ends, or the time is over. */
async function until(ssh: RunningSsh, signal: AbortSignal, look: () => Promise<Address | null>): Promise<Address> {
  const limit = Date.now() + READY_MS;
  while (!ssh.ended()) {
    if (signal.aborted) throw new FailureError({ code: 'connection-lost', message: 'launching was stopped' });
    const found = await look();
    // "Address already in use" on one of two loopbacks does not end ssh, yet half of the ingress is then somebody else's.
    if (ssh.halfBound()) throw new FailureError(ssh.explain());
    if (found && !ssh.ended()) return found;
    if (Date.now() > limit) {
      const said = ssh.explain();
      const waited = `${ssh.who} was not ready within ${READY_MS / 1000} s`;
      throw new FailureError({
        code: 'timeout',
        message: waited,
        hint: 'is it waiting for a prompt, or for a network?',
        cause: said.cause,
      });
    }
    await Promise.race([ssh.failed, new Promise((resolve) => setTimeout(resolve, POLL_MS))]);
  }
  throw new FailureError(await ssh.failed);
}

/** Proven by a connection to it, made on the client host. */
const nearIngress = (ssh: RunningSsh, connection: Connection, ingress: Address) => async (): Promise<Address | null> => {
  const there = await answers(connection, ingress);
  if (there === 'no') return null;
  // The client's sshd may forbid us to connect there; then ssh's own word is all there is.
  if (there === 'unknown' && !localForwardListens(ssh.stderr())) return null;
  return shown(ingress);
};

/** ssh tells when the far sshd accepted it, and which port it allocated. */
const farIngress = (ssh: RunningSsh, ingress: Address) => async (): Promise<Address | null> => {
  const said = ssh.stderr();
  if (!remoteForwardSucceeded(said)) return null;
  if (ingress.kind === 'unix' || ingress.port !== 0) return shown(ingress);
  const port = allocatedPort(said);
  return port === null ? null : shown(tcp(ingress.host, port));
};

/** By connections made on the destination with a second ssh; where it gives no verdict, the far sshd's own word stands. */
async function proveFar(
  connection: Connection,
  { bound, spec, destination, ssh }: { bound: Address; spec: TunnelSpec; destination: LaunchDestination; ssh: RunningSsh },
): Promise<void> {
  const connects = (target: Address) => connectFar(connection, target, destination);
  if (bound.kind === 'unix') {
    if ((await connects(bound)) === 'no') throw unreached(bound, spec);
    return;
  }
  const asked = spec.ingress.kind === 'tcp' ? spec.ingress.host : bound.host;
  const wildcard = isWildcard(asked);
  const loopback = asked === 'localhost' || asked === '127.0.0.1' || asked === '::1';
  const near = tcp(wildcard || asked === 'localhost' ? 'localhost' : asked, bound.port);
  // 127.0.0.2 answers for a bind on every interface only.
  const before = arrivedFrom(ssh, bound.port);
  const [home, wide] = await Promise.all([
    connects(near.host === 'localhost' ? tcp('127.0.0.1', bound.port) : near),
    wildcard || loopback ? connects(tcp('127.0.0.2', bound.port)) : 'unknown',
  ]);
  const sshd = destination.hostname;
  if (home === 'yes' && !(await arrives(ssh, bound.port, before))) throw heldByAnother(bound.port, destination, null);
  if (home === 'no' && (near.host !== 'localhost' || (await connects(near)) === 'no')) throw unreached(bound, spec);
  if (loopback && wide === 'yes' && !spec.expose)
    throw new FailureError({
      code: 'bind-denied',
      message: `asked for ${place(spec.ingress)}, but sshd of ${sshd} listens on all interfaces`,
      hint: `set "GatewayPorts clientspecified" (or no) in sshd_config of ${sshd}, or allow it with \`expose: true\``,
    });
  if (wildcard && home === 'yes' && wide === 'no')
    throw new FailureError({
      code: 'bind-denied',
      message: `asked for ${place(spec.ingress)}, but sshd of ${sshd} listens on loopback only`,
      hint: `set "GatewayPorts clientspecified" (or yes) in sshd_config of ${sshd}`,
    });
}

async function connectFar(connection: Connection, target: Address, destination: LaunchDestination): Promise<'yes' | 'no' | 'unknown'> {
  const words = connectWords(target, destination);
  if (!words.ok) return 'unknown';
  const ssh = await startSsh(connection, dyingCommand(words.value, null), 'ssh -W').catch(() => null);
  if (!ssh) return 'unknown';
  const verdict = (): 'yes' | 'no' | 'unknown' | null => {
    const said = ssh.stderr();
    if (/channel \d+: open confirm/.test(said)) return 'yes';
    if (/open failed: connect failed/.test(said)) return 'no';
    return ssh.ended() ? 'unknown' : null;
  };
  const limit = Date.now() + PROOF_MS;
  let found = verdict();
  while (found === null && Date.now() < limit) {
    await Promise.race([ssh.failed, new Promise((resolve) => setTimeout(resolve, POLL_MS))]);
    found = verdict();
  }
  await ssh.close();
  return found ?? 'unknown';
}

async function answers(connection: Connection, ingress: Address): Promise<'yes' | 'no' | 'unknown'> {
  const target =
    ingress.kind === 'tcp' && (ingress.host === 'localhost' || isWildcard(ingress.host)) ? tcp('127.0.0.1', ingress.port) : ingress;
  try {
    const stream = await connection.dial(target, { timeoutMs: PROOF_MS });
    stream.on('error', () => {});
    closeStream(stream);
    return 'yes';
  } catch (error) {
    if (!isFailureError(error)) throw error;
    if (error.failure.code === 'connection-lost') throw error;
    return error.failure.code === 'target-refused' ? 'no' : 'unknown';
  }
}

const unreached = (bound: Address, spec: TunnelSpec): FailureError =>
  new FailureError({
    code: 'remote-forward-denied',
    message: `ssh on ${spec.client} says that ${place(bound)} listens, but a connection to it is refused`,
    hint: 'check GatewayPorts and the address asked for',
  });

const shown = (ingress: Address): Address => {
  if (ingress.kind === 'unix') return ingress;
  return tcp(ingress.host === 'localhost' ? '127.0.0.1' : ingress.host === '*' ? '0.0.0.0' : ingress.host, ingress.port);
};

const place = (address: Address): string => (address.kind === 'unix' ? address.path : `${address.host}:${address.port}`);
