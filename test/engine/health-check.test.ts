import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FailureError } from '../../src/core/failure.ts';
import { HealthCheck } from '../../src/engine/health-check.ts';
import { flush, manualClock, type ManualClock } from '../helpers/clock.ts';

const check = { probe: { kind: 'tcp' }, intervalMs: 10_000, timeoutMs: 1_000, retries: 2, startPeriodMs: 0 } as const;
const refused = (): Promise<void> => Promise.reject(new FailureError({ code: 'target-refused', message: 'web:80 refused' }));

let clock: ManualClock;
let told: string[];
let still: string[];
let probes: number;
let answer: (signal: AbortSignal) => Promise<void>;
let health: HealthCheck;

const start = async (part: Partial<typeof check> = {}, after: Promise<void> | null = null): Promise<void> => {
  health = new HealthCheck({
    clock,
    check: { ...check, ...part },
    probe: (signal) => {
      probes += 1;
      return answer(signal);
    },
    after,
    onVerdict: (verdict, failure) => void told.push(failure ? `${verdict}: ${failure.code}` : verdict),
    onStillUnhealthy: (failure) => void still.push(failure.code),
  });
  await flush();
};

beforeEach(() => {
  clock = manualClock();
  told = [];
  still = [];
  probes = 0;
  answer = async () => undefined;
});
afterEach(() => {
  void health.stop();
  expect(clock.pending()).toEqual([]);
});

it('probes at once and then at its interval', async () => {
  await start();
  expect(told).toEqual(['healthy']);
  await clock.advance(30_000);
  expect(probes).toBe(4);
  expect(told).toEqual(['healthy']);
});

it('tells when the verdict changes, and why', async () => {
  await start();
  answer = refused;
  await clock.advance(20_000);
  answer = async () => undefined;
  await clock.advance(10_000);
  expect(told).toEqual(['healthy', 'unhealthy: target-refused', 'healthy']);
});

it('one that stays unhealthy for another reason says the new one', async () => {
  answer = refused;
  await start();
  await clock.advance(10_000);
  answer = () => new Promise(() => undefined);
  await clock.advance(11_000);
  expect(told).toEqual(['unhealthy: target-refused']);
  expect(still).toEqual(['timeout']);
});

it('a probe that does not answer in time has failed, and is given up', async () => {
  let aborted = 0;
  answer = (signal) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        aborted += 1;
        reject(new Error('gone'));
      });
    });
  await start();
  await clock.advance(12_000);
  expect(told).toEqual(['unhealthy: timeout']);
  expect(aborted).toBe(2);
});

describe('one that is being ended takes a moment', () => {
  /** The ends of the probes that were begun. */
  let ends: (() => void)[];
  beforeEach(() => {
    ends = [];
    answer = () => new Promise((resolve) => ends.push(resolve));
  });

  it('the next one waits until it has ended, and is one only', async () => {
    await start();
    await clock.advance(35_000);
    expect([probes, told]).toEqual([1, []]);
    ends[0]?.();
    await clock.advance(10_000);
    expect(probes).toBe(2);
    ends[1]?.();
  });

  it('a check that takes the place of another begins when the last probe of that has ended', async () => {
    await start();
    const before = health.stop();
    await start({}, before);
    await clock.advance(5_000);
    expect(probes).toBe(1);
    ends[0]?.();
    await before;
    await flush();
    expect(probes).toBe(2);
    ends[1]?.();
  });

  it('one that is stopped before it could begin never does', async () => {
    await start();
    const before = health.stop();
    await start({}, before);
    const stopped = health.stop();
    ends[0]?.();
    await stopped;
    await clock.advance(60_000);
    expect(probes).toBe(1);
  });

  it('is over, for who stops it, when it has ended', async () => {
    await start();
    let over = false;
    const stopped = health.stop().then(() => (over = true));
    await flush();
    expect(over).toBe(false);
    ends[0]?.();
    await stopped;
  });
});

it('a command that takes too long is told by its name', async () => {
  answer = (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('gone'))));
  const command = { argv: ['pg_isready', '-q'], cwd: '/', trusted: true };
  const said: (string | null | undefined)[] = [];
  health = new HealthCheck({
    clock,
    check: { ...check, retries: 1, probe: { kind: 'command', command } },
    probe: (signal) => answer(signal),
    onVerdict: (_, failure) => void said.push(failure?.message, failure?.hint),
    onStillUnhealthy: () => undefined,
  });
  await clock.advance(1_000);
  expect(said).toEqual(['the healthcheck pg_isready was not done within 1000 ms', 'it was ended; if it needs longer, raise timeout']);
});

it('failures within the start period do not count', async () => {
  answer = refused;
  await start({ startPeriodMs: 25_000 } as never);
  await clock.advance(20_000);
  expect(told).toEqual([]);
  await clock.advance(20_000);
  expect(told).toEqual(['unhealthy: target-refused']);
});

it('a stopped one says nothing of a probe that was under way', async () => {
  let finish: () => void = () => undefined;
  answer = () => new Promise((resolve) => (finish = resolve));
  await start();
  void health.stop();
  finish();
  await flush();
  expect(told).toEqual([]);
});
