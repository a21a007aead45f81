import { afterEach, beforeEach, expect, it } from 'vitest';
import { FailureError } from '../../src/core/failure.ts';
import { HealthCheck } from '../../src/engine/health-check.ts';
import { flush, manualClock, type ManualClock } from '../helpers/clock.ts';

const check = { probe: { kind: 'tcp' }, intervalMs: 10_000, timeoutMs: 1_000, retries: 2, startPeriodMs: 0 } as const;
const refused = (): Promise<void> => Promise.reject(new FailureError({ code: 'target-refused', message: 'web:80 refused' }));

let clock: ManualClock;
let told: string[];
let probes: number;
let answer: (signal: AbortSignal) => Promise<void>;
let health: HealthCheck;

const start = async (part: Partial<typeof check> = {}): Promise<void> => {
  health = new HealthCheck({
    clock,
    check: { ...check, ...part },
    probe: (signal) => {
      probes += 1;
      return answer(signal);
    },
    onVerdict: (verdict, failure) => void told.push(failure ? `${verdict}: ${failure.code}` : verdict),
  });
  await flush();
};

beforeEach(() => {
  clock = manualClock();
  told = [];
  probes = 0;
  answer = async () => undefined;
});
afterEach(() => {
  health.stop();
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
  health.stop();
  finish();
  await flush();
  expect(told).toEqual([]);
});
