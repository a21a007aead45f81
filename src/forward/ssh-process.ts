/** A tunnel carried by an ssh process on the client host, with its own keys (`launch: ssh`). It dies with the connection. */
import { isWildcard, tcp, type Address } from '../core/address.ts';
import { FailureError, isFailureError, type Failure } from '../core/failure.ts';
import { listensOnHost, type TunnelSpec } from '../core/spec.ts';
import type { Connection } from '../ssh/connection.ts';
import { closeStream } from './reset-stream.ts';
import { connectWords, dyingCommand, forwardWords, type LaunchDestination } from './ssh-command.ts';
import { startSsh, type RunningSsh } from './ssh-run.ts';
import { allocatedPort, localForwardListens, remoteForwardSucceeded } from './ssh-stderr.ts';

export type { LaunchDestination } from './ssh-command.ts';

export interface LaunchOptions {
  /** The client host's. */
  readonly connection: Connection;
  readonly spec: TunnelSpec;
  readonly destination: LaunchDestination;
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
  const { spec } = options;
  if (listensOnHost(spec.type) || spec.ingress.kind === 'unix') return launchOnce(options, spec.ingress);
  const { host, port } = spec.ingress;
  const next = spec.onConflict === 'next';
  for (let attempt = 1; ; attempt += 1) {
    const candidate = port === 0 ? FREE_PORTS.first + Math.floor(Math.random() * FREE_PORTS.count) : port + attempt - 1;
    try {
      return await launchOnce(options, tcp(host, candidate));
    } catch (error) {
      const busy = isFailureError(error) && error.failure.code === 'bind-in-use';
      if (!busy || attempt === PORT_TRIES || !(port === 0 || next) || options.signal.aborted) throw error;
    }
  }
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
    if (far) await proveFar(connection, { bound, spec, destination });
    if (ssh.ended()) throw new FailureError(await ssh.failed);
    return { bound, closed: ssh.closed, close: () => ssh.close() };
  } catch (error) {
    await ssh.close();
    throw error;
  }
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
  { bound, spec, destination }: { bound: Address; spec: TunnelSpec; destination: LaunchDestination },
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
  const [home, wide] = await Promise.all([connects(near), wildcard || loopback ? connects(tcp('127.0.0.2', bound.port)) : 'unknown']);
  const sshd = spec.hosts[0] ?? destination.hostname;
  if (home === 'no') throw unreached(bound, spec);
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
