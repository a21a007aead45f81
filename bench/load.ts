/** The clients of the tunnels: bulk transfers, round trips, short connections, held connections. */
import { connect, type Socket } from 'node:net';
import { ECHO, pour, SINK, SOURCE } from './target.ts';

const HOST = '127.0.0.1';
/** What a round trip carries. */
const SMALL = Buffer.alloc(64, ECHO);

export interface Bulk {
  readonly received: number;
  stop(): void;
}

export function startBulk({ port, direction, connections }: BulkOptions): Bulk {
  let received = 0;
  const sockets = Array.from({ length: connections }, () => {
    const buffer = Buffer.allocUnsafe(256 * 1024);
    const onread = {
      buffer,
      callback: (bytes: number) => {
        received += bytes;
        return true;
      },
    };
    const socket = connect({ host: HOST, port, noDelay: true, onread });
    socket.on('error', () => undefined);
    if (direction === 'down') socket.write(SOURCE);
    else {
      socket.write(SINK);
      pour(socket);
    }
    return socket;
  });
  return {
    get received() {
      return received;
    },
    stop: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
  };
}

export interface BulkOptions {
  readonly port: number;
  readonly direction: 'up' | 'down';
  readonly connections: number;
}

const opened = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });

export interface PingOptions {
  readonly port: number;
  readonly count: number;
  /** Milliseconds from one to the next, whether that one has been answered or not; 0: each when the one before was answered. */
  readonly every: number;
  /** Milliseconds until what was answered has to do. */
  readonly ms: number;
}

export interface Trip {
  /** When it was sent, on the clock that all processes of the machine share. */
  readonly at: number;
  readonly ms: number;
}

/** The round trips' milliseconds. */
export const pings = async (options: PingOptions): Promise<number[]> => (await trips(options)).map(({ ms }) => ms);

export async function trips({ port, count, every, ms }: PingOptions): Promise<Trip[]> {
  const socket = await opened(port);
  const times: number[] = [];
  const sent: number[] = [];
  let arrived = 0;
  let timer: NodeJS.Timeout | undefined;
  let limit: NodeJS.Timeout | undefined;
  const send = (): void => {
    if (sent.length === count) return clearInterval(timer);
    sent.push(performance.now());
    socket.write(SMALL);
  };
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection was closed before every round trip was answered')));
      socket.on('data', (chunk) => {
        const now = performance.now();
        arrived += chunk.length;
        while ((times.length + 1) * SMALL.length <= arrived) times.push(now - (sent[times.length] ?? now));
        if (times.length === count) resolve();
        else if (every === 0 && times.length === sent.length) send();
      });
      limit = setTimeout(() => (times.length === 0 ? reject(new Error(`no round trip was answered in ${ms} ms`)) : resolve()), ms);
      send();
      if (every > 0) timer = setInterval(send, every);
    });
    // What is still under way took at least this long: left out, the slowest would be missing.
    const now = performance.now();
    // The largest: who is held up between the two reads gets less.
    const shared = Math.max(...Array.from({ length: 10 }, () => sharedClock() - performance.now()));
    return sent.map((at, index) => ({ at: at + shared, ms: times[index] ?? now - at }));
  } finally {
    clearInterval(timer);
    clearTimeout(limit);
    socket.removeAllListeners('close');
    socket.on('error', () => undefined);
    socket.destroy();
  }
}

export interface GreetingOptions {
  readonly port: number;
  readonly count: number;
  /** Milliseconds from the end of one connection to the next: as with people, nothing else is under way. */
  readonly pause: number;
}

/** Milliseconds from a connection's begin to the first word of a server that speaks first. */
export async function greetings({ port, count, pause }: GreetingOptions): Promise<number[]> {
  const times: number[] = [];
  while (times.length < count) {
    const from = performance.now();
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ host: HOST, port, noDelay: true });
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed before the greeting')));
      socket.once('data', () => {
        times.push(performance.now() - from);
        socket.removeAllListeners('close').destroy();
        resolve();
      });
    });
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return times;
}

/** One connection: open, 64 bytes there and back, close. */
const exchange = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port, noDelay: true });
    let arrived = 0;
    socket.on('data', (chunk) => {
      arrived += chunk.length;
      if (arrived === SMALL.length) socket.end();
    });
    socket.once('error', reject);
    socket.once('close', () => (arrived === SMALL.length ? resolve() : reject(new Error('closed before the answer'))));
    socket.write(SMALL);
  });

export interface ChurnOptions {
  readonly ports: readonly number[];
  readonly atOnce: number;
  readonly ms: number;
}

export interface Churned {
  readonly count: number;
  readonly seconds: number;
}

/** Short connections, one after the other on each of `atOnce` lanes. */
export async function churn({ ports, atOnce, ms }: ChurnOptions): Promise<Churned> {
  const from = performance.now();
  let count = 0;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - from < ms) {
      next += 1;
      await exchange(ports[next % ports.length] ?? 0);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return { count, seconds: (performance.now() - from) / 1000 };
}

/** A connection that has been answered once and stays. */
async function held(port: number): Promise<Socket> {
  const socket = await opened(port);
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed before the answer')));
    socket.once('data', () => resolve());
    socket.write(ECHO);
  });
  socket.removeAllListeners();
  socket.on('error', () => undefined);
  return socket;
}

const AT_ONCE = 200;

export async function hold(ports: readonly number[], count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  let started = 0;
  const lane = async (): Promise<void> => {
    while (started < count) {
      started += 1;
      sockets.push(await held(ports[started % ports.length] ?? 0));
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, AT_ONCE) }, lane));
  return sockets;
}

/** Milliseconds on a clock that all processes of the machine share. */
export const sharedClock = (): number => Number(process.hrtime.bigint()) / 1e6;

export interface AnswerOptions {
  readonly ports: readonly number[];
  readonly ms: number;
  /** Milliseconds between two tries. */
  readonly every: number;
  /** What the answer has to begin with; default anything. */
  readonly expect?: string;
}

const answers = (port: number, expected: string, ms: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: HOST, port, noDelay: true });
    const done = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(ms, () => done(false));
    socket.once('error', () => done(false));
    socket.once('close', () => done(false));
    socket.once('data', (data) => done(data.toString('latin1').startsWith(expected)));
    socket.write(ECHO);
  });

/** Tries each port until it answers; gives the moment of the last one on the clock that all processes share, in milliseconds. */
export async function allAnswer({ ports, ms, every, expect = '' }: AnswerOptions): Promise<number> {
  const deadline = performance.now() + ms;
  const one = async (port: number): Promise<void> => {
    while (!(await answers(port, expect, ms))) {
      if (performance.now() > deadline) throw new Error(`port ${port} did not answer within ${ms} ms`);
      await new Promise((resolve) => setTimeout(resolve, every));
    }
  };
  const [first, ...others] = ports;
  // One at a time until the first is there, for trying costs the machine what those need that are measured.
  if (first !== undefined) await one(first);
  await Promise.all(others.map(one));
  return sharedClock();
}
