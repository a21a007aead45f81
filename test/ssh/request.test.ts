import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Bag } from '../../src/core/bag.ts';
import { FailureError, type FailureParts } from '../../src/core/failure.ts';
import { Stop } from '../../src/core/stop.ts';
import { Request, type Answer, type Requests } from '../../src/ssh/request.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const LOST = new FailureError({ code: 'connection-lost', message: 'it went' });

function ask(options: { readonly signal?: Stop; readonly timedOut?: FailureParts } = {}) {
  const requests: Requests = new Bag();
  let answer: Answer<string> | null = null;
  const asked = Request.make<string>(requests, { name: 'bastion', what: () => 'to say so', timeoutMs: 1_000, ...options }, (given) => {
    answer = given;
  });
  const outcome = asked.then(
    (value) => value,
    (error: unknown) => (error as FailureError).failure,
  );
  return { requests, outcome, answer: (): Answer<string> | null => answer };
}

describe('a request ends', () => {
  test('with its answer, and what comes later is told that nobody waits', async () => {
    const { requests, outcome, answer } = ask();
    expect(requests.size).toBe(1);
    expect([answer()?.succeed('yes'), answer()?.succeed('again'), answer()?.fail(LOST)]).toEqual([true, false, false]);
    expect([await outcome, requests.size, vi.getTimerCount()]).toEqual(['yes', 0, 0]);
  });

  test('with its connection', async () => {
    const { requests, outcome } = ask();
    for (const each of requests.values()) each.fail(LOST);
    expect(await outcome).toMatchObject({ code: 'connection-lost', message: 'it went' });
    expect([requests.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test('when its time is up, saying what was waited for, or as it was asked to', async () => {
    const [plain, own] = [ask(), ask({ timedOut: { code: 'keepalive-timeout', message: 'silence' } })];
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await plain.outcome).toMatchObject({
      code: 'timeout',
      message: 'bastion: the server did not answer to say so within 1000 ms',
    });
    expect(await own.outcome).toMatchObject({ code: 'keepalive-timeout', message: 'silence' });
    expect([plain.requests.size, plain.answer()?.succeed('late')]).toEqual([0, false]);
  });

  test('with its signal, and is not even started where that has fired', async () => {
    const signal = new Stop();
    const { requests, outcome } = ask({ signal });
    signal.abort();
    expect(await outcome).toMatchObject({ code: 'connection-lost', message: 'bastion: gave up waiting to say so' });
    const late = ask({ signal });
    expect(await late.outcome).toMatchObject({ code: 'connection-lost' });
    expect([late.answer(), requests.size, late.requests.size, vi.getTimerCount()]).toEqual([null, 0, 0, 0]);
  });
});
