import { describe, expect, it, vi } from 'vitest';
import { stopping } from '../../src/cli/stopping.ts';
import { FakeRunner, tunnelView, withResolvers } from './fake-runner.ts';

function setup(runner: FakeRunner | null, drainMs: number | null = null) {
  const said: string[] = [];
  const progress = { say: (text: string) => said.push(text) } as unknown as Parameters<typeof stopping>[0]['progress'];
  return { said, stop: stopping({ runner: () => runner, progress, drainMs }) };
}

describe('the way down', () => {
  it('names what it drains and the longest limit of the tunnels that are busy', async () => {
    const runner = new FakeRunner();
    await runner.apply();
    runner.tunnels = [tunnelView('git', { connections: 1 }), tunnelView('git-inner', { connections: 2 })];
    const { said, stop } = setup(runner);
    stop.interrupt('SIGTERM');
    expect(stop.signal.aborted).toBe(true);
    expect(await stop.done).toBe(0);
    expect(said).toEqual(['draining 3 open connections, up to 10s; Ctrl-C again closes at once']);
  });

  it.each([
    ['no connection is open', 0, null],
    ['the limit is 0', 3, 0],
  ])('only closes when %s', async (_, connections, drainMs) => {
    const runner = new FakeRunner();
    runner.tunnels = [tunnelView('git', { connections })];
    const { said, stop } = setup(runner, drainMs);
    stop.interrupt('SIGINT');
    expect(await stop.done).toBe(130);
    expect(said).toEqual(['closing']);
    expect(runner.stops).toEqual([drainMs]);
  });

  it('before there is a runner it just leaves', async () => {
    const { stop } = setup(null);
    stop.interrupt('SIGINT');
    expect(await stop.done).toBe(130);
  });

  it('closing at once has a limit too, and a third signal none at all', async () => {
    vi.useFakeTimers();
    try {
      for (const third of [false, true]) {
        const runner = new FakeRunner();
        runner.stop = () => withResolvers().promise;
        const { stop } = setup(runner);
        stop.interrupt('SIGTERM');
        stop.interrupt('SIGTERM');
        if (third) stop.interrupt('SIGINT');
        else await vi.advanceTimersByTimeAsync(3_000);
        expect(await stop.done).toBe(130);
      }
    } finally {
      vi.useRealTimers();
    }
  });
});
