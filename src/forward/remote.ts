/** Listening on a host: the ingress of `remote` and `remote-dynamic`, with proof of where it landed (DESIGN promise 6). */
import { formatAddress, isLoopback, isWildcard, tcp, type Address, type TcpAddress } from '../core/address.ts';
import { FailureError, isFailureError, type Failure } from '../core/failure.ts';
import type { Connection, RemoteClient, RemoteListener } from '../ssh/connection.ts';
import type { Dial, Listener, OnClient } from './client.ts';
import { dialWithin } from './dial-here.ts';
import { removeLeftSocket } from './left-socket.ts';
import { findLanding, type Echo, type Landing } from './landing.ts';
import { watchHolder } from './holder-watch.ts';
import { ProbeGate } from './probe-gate.ts';
import { awaitingRelease, explainDenial, HeldByAnother } from './remote-denial.ts';
import { closeStream } from './reset-stream.ts';
import { judgeHolder, watchMs, type EarlierBind } from './stale-bind.ts';
import type { Duplex } from 'node:stream';

export interface RemoteListenOptions {
  /** The host's name, for what is said when it fails. */
  readonly host: string;
  /** A listener that others than the host itself can reach is wanted. */
  readonly expose: boolean;
  readonly onClient: OnClient;
  readonly signal: AbortSignal;
  /** It listened at this address before, and lost it with its connection. */
  readonly earlier?: EarlierBind | null;
  /** It is still held there, and is waited for: why. */
  readonly onHeld?: (failure: Failure) => void;
}

/** A listener on a host, and how far its place is known. */
export interface ProvenListener extends Listener {
  readonly proof: 'proven' | 'unverified';
  /** Why it could not be proven; null where it was. */
  readonly reason: string | null;
}

/** For all probes together. */
const PROBE_MS = 5_000;
/** Our own listener hears of a probe at once; who is silent for this long is somebody else, and the other addresses are yet to be tried. */
const PROBE_ANSWER_MS = 1_500;
/** A firewall that drops packets must not hold up every remote tunnel: from here a probe is only tried where nothing else can tell. */
const PROBE_FROM_HERE_MS = 2_000;

/** Dials from the host. */
export const dialFromHost =
  (connection: Pick<Connection, 'dial'>): Dial =>
  (target, origin, signal) =>
    connection.dial(target, origin ? { origin, signal } : { signal });

/**
 * Listens on the host and finds out where. `bound` is where it really is: `127.0.0.1:8080`, or `0.0.0.0:8080` for every interface.
 * Clients that arrive while it is being found out are kept, with their bytes.
 * Rejects with `remote-forward-denied`; with `bind-denied` where it landed elsewhere than asked, having let go of it again; `connection-lost`.
 */
export async function listenOnHost(connection: Connection, address: Address, options: RemoteListenOptions): Promise<ProvenListener> {
  const gate = new ProbeGate(options.onClient);
  const listener = await claim(connection, address, { ...options, onClient: (client) => gate.accept(client) });
  try {
    const limit = AbortSignal.any([options.signal, AbortSignal.timeout(PROBE_MS)]);
    const place = await locate(connection, listener.bound, { ...options, gate, limit, asked: address });
    if (options.signal.aborted) throw new FailureError({ code: 'connection-lost', message: 'listening was stopped' });
    gate.open();
    return { ...place, close: () => letGo(connection, listener) };
  } catch (error) {
    await letGo(connection, listener);
    gate.open();
    throw error;
  }
}

async function letGo(connection: Connection, listener: RemoteListener): Promise<void> {
  await listener.close();
  if (listener.bound.kind === 'unix') await removeLeftSocket(connection, listener.bound.path);
}

interface Claim extends Omit<RemoteListenOptions, 'onClient'> {
  readonly onClient: (client: RemoteClient) => void;
  readonly triedAgain?: boolean;
}

/** Listens, once more where the one who was in the way has gone meanwhile: a dead session of our own goes when it is touched. */
async function claim(connection: Connection, address: Address, options: Claim): Promise<RemoteListener> {
  try {
    return await connection.listen(address, options.onClient);
  } catch (error) {
    if (!isFailureError(error) || error.failure.code !== 'remote-forward-denied') throw error;
    const { host, signal, earlier = null, triedAgain = false } = options;
    // A port that the server was to choose is refused by rule.
    const nobody = address.kind === 'tcp' && address.port === 0;
    if (earlier && address.kind === 'tcp' && !nobody) options.onHeld?.(awaitingRelease(error.failure, { host, address, earlier }));
    const holder = nobody ? 'unknown' : await watchHolder(connection, address, { watchMs: watchMs(earlier), signal });
    const verdict = judgeHolder(holder, nobody ? null : earlier, triedAgain);
    if (verdict.do === 'tell' || signal.aborted)
      throw await explainDenial(error, { connection, host, address, earlier, holder: verdict.do === 'tell' ? verdict.holder : 'unknown' });
    // The session that held it is gone, and has left its file in the way.
    if (address.kind === 'unix' && earlier) await removeLeftSocket(connection, address.path);
    return claim(connection, address, { ...options, triedAgain: true });
  }
}

interface Search extends RemoteListenOptions {
  readonly gate: ProbeGate;
  readonly asked: Address;
  readonly limit: AbortSignal;
}

type Place = Pick<ProvenListener, 'bound' | 'proof' | 'reason'>;

async function locate(connection: Connection, bound: Address, search: Search): Promise<Place> {
  const fromHost = (target: Address): Promise<Echo> =>
    echo(search, () => connection.dial(target, { signal: search.limit, timeoutMs: PROBE_MS }));
  if (bound.kind === 'unix') {
    const found = await fromHost(bound);
    if (found === 'ours') return { bound, proof: 'proven', reason: null };
    return { bound, proof: 'unverified', reason: 'a connection made there did not come back' };
  }
  const landing = await findLanding(bound, {
    hostAddress: connection.remoteAddress,
    fromHost: (host) => fromHost(tcp(host, bound.port)),
    fromHere: (host) => echo(search, () => dialWithin(tcp(host, bound.port), search.limit, PROBE_FROM_HERE_MS)),
  });
  return judge(landing, bound, search);
}

/** Sends a probe over the connection that `dial` makes, and sees whether it comes out at our own listener. */
async function echo({ gate, limit }: Search, dial: () => Promise<Duplex>): Promise<Echo> {
  const probe = gate.newProbe();
  let stream: Duplex | null = null;
  let silence: NodeJS.Timeout | undefined;
  let giveUp = (): void => undefined;
  try {
    stream = await dial();
    const dialled = stream;
    return await new Promise<Echo>((resolve) => {
      void probe.arrived.then(() => resolve('ours'));
      silence = setTimeout(() => resolve('other'), PROBE_ANSWER_MS);
      // An end before our own listener was heard of, or an answer, which ours never gives: somebody else.
      for (const event of ['data', 'end', 'close', 'error']) dialled.once(event, () => setImmediate(() => resolve('other')));
      giveUp = () => resolve('other');
      limit.addEventListener('abort', giveUp, { once: true });
      if (limit.aborted) giveUp();
      dialled.resume();
      dialled.write(probe.nonce);
    });
  } catch (error) {
    if (!isFailureError(error)) throw error;
    switch (error.failure.code) {
      case 'target-refused':
        return 'refused';
      case 'target-forbidden':
        return 'forbidden';
      case 'connection-lost':
        if (limit.aborted) return 'unreachable';
        throw error;
      default:
        return 'unreachable';
    }
  } finally {
    clearTimeout(silence);
    // Node keeps a combined signal, and all its listeners hold on to, for as long as it has listeners.
    limit.removeEventListener('abort', giveUp);
    probe.forget();
    if (stream) {
      stream.on('error', () => {});
      closeStream(stream);
    }
  }
}

function judge(landing: Landing, bound: TcpAddress, { asked, host, expose }: Search): Place {
  const wanted = formatAddress(asked);
  const { port } = bound;
  if (landing.kind === 'unverified') return { bound: tcp(landing.on, port), proof: 'unverified', reason: landing.reason };
  if (landing.kind === 'shadowed')
    throw new HeldByAnother({
      code: 'remote-forward-denied',
      message: `port ${port} on ${host} is in use by another process: sshd got it on ${landing.on} only`,
      hint: 'stop that process, choose another ingress port, or set `on_conflict: next`',
    });
  const place: Place = { bound: tcp(landing.on, port), proof: landing.proof, reason: null };
  if (landing.kind === 'everywhere' && !expose)
    throw new FailureError({
      code: 'bind-denied',
      message: `asked for ${wanted}, but sshd of ${host} listens on all interfaces`,
      hint: `set "GatewayPorts clientspecified" (or no) in sshd_config of ${host}, or allow it with \`expose: true\``,
    });
  const wide = asked.kind === 'tcp' && (isWildcard(asked.host) || !isLoopback(asked.host));
  if (landing.kind === 'loopback' && wide)
    throw new FailureError({
      code: 'bind-denied',
      message: `asked for ${wanted}, but sshd of ${host} listens on loopback only (${formatAddress(place.bound)})`,
      hint: `set "GatewayPorts clientspecified" (or yes) in sshd_config of ${host}`,
    });
  return place;
}
