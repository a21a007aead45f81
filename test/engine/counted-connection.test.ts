import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { countChannels, type CountedConnection } from '../../src/engine/counted-connection.ts';
import { flush, manualClock, type ManualClock } from '../helpers/clock.ts';
import type { Connection } from '../../src/ssh/connection.ts';

let clock: ManualClock;
let counted: CountedConnection;
let ended: boolean;
/** The server has handed on all that it was sent. */
let flushed: Promise<void>;
/** Lets what is under way come to its end. */
let finish: (() => void)[];

beforeEach(() => {
  clock = manualClock();
  [ended, finish, flushed] = [false, [], Promise.resolve()];
  const later = <T>(value: T): Promise<T> => new Promise((resolve) => finish.push(() => resolve(value)));
  const raw = {
    closed: new Promise(() => undefined),
    dial: () => later(new PassThrough()),
    listen: async () => ({ bound: tcp('localhost', 1), close: () => later(undefined) }),
    exec: async () => ({ exit: later({ code: 0, signal: null }) }),
    flushed: () => flushed,
    end: async () => void (ended = true),
  };
  counted = countChannels(raw as unknown as Connection, clock, () => 0);
});

const turn = async (): Promise<void> => {
  for (let each = 0; each < 3; each += 1) await flush();
};

describe('a connection that retires', () => {
  it('ends at once where nothing goes on', async () => {
    await counted.retire(10_000);
    expect(ended).toBe(true);
  });

  it('waits until the last bytes were handed on', async () => {
    let handedOn = (): void => undefined;
    flushed = new Promise((resolve) => (handedOn = resolve));
    void counted.retire(10_000);
    await turn();
    expect(ended).toBe(false);
    handedOn();
    await turn();
    expect(ended).toBe(true);
  });

  it('ends when its time is up, though the last bytes were not handed on', async () => {
    flushed = new Promise(() => undefined);
    void counted.retire(10_000);
    await turn();
    await clock.advance(10_000);
    await turn();
    expect(ended).toBe(true);
  });

  it.each<[string, () => unknown]>([
    ['a listener is closed', async () => (await counted.listen(tcp('localhost', 1), () => undefined)).close()],
    ['a command runs', () => counted.exec('true')],
  ])('waits while %s', async (_, begin) => {
    void begin();
    await turn();
    void counted.retire(10_000);
    await turn();
    expect(ended).toBe(false);
    for (const each of finish) each();
    await turn();
    expect(ended).toBe(true);
    expect(clock.pending()).toEqual([]);
  });

  it('waits for what follows at once upon what has ended, and for a channel that is being opened', async () => {
    const work = (async () => {
      await (await counted.listen(tcp('localhost', 1), () => undefined)).close();
      return counted.dial(tcp('localhost', 2));
    })();
    await turn();
    void counted.retire(10_000);
    finish.shift()?.();
    await turn();
    expect(ended).toBe(false);
    finish.shift()?.();
    (await work).destroy();
    await turn();
    expect(ended).toBe(true);
  });

  it('waits no longer than its limit', async () => {
    void counted.exec('sleep infinity');
    await turn();
    void counted.retire(10_000);
    await clock.advance(10_000);
    await turn();
    expect(ended).toBe(true);
  });
});
