import { describe, expect, it, vi } from 'vitest';
import { liveProgress } from '../../../src/cli/progress/live.ts';
import { startScreen } from '../../../src/cli/progress/live-screen.ts';
import { logProgress } from '../../../src/cli/progress/log.ts';
import type { Subjects } from '../../../src/cli/progress/standing.ts';
import { plain } from '../../../src/cli/render/style.ts';
import { buildGraph } from '../../../src/core/graph.ts';
import { failure } from '../../../src/core/failure.ts';
import { doubleTunnel } from '../../helpers/spec.ts';
import { until } from '../../helpers/wait.ts';
import { FakeRunner } from '../fake-runner.ts';

interface Seen {
  readonly log: string[];
  subjects: Subjects | null;
}

function setup() {
  const seen: Seen = { log: [], subjects: null };
  const output = { isTTY: true, columns: 80, write: (text: string) => seen.log.push(text) };
  const log = logProgress({ write: output.write, style: plain, level: 0, width: () => 80, frameOf: () => null });
  const live = liveProgress({
    log,
    output,
    style: plain,
    start: (subjects) => {
      seen.log.push('<screen>');
      seen.subjects = subjects;
      return { refresh: () => undefined, stop: async () => void seen.log.push('</screen>') };
    },
  });
  const runner = new FakeRunner();
  runner.subscribe((event) => live.event(event));
  return { seen, live, runner };
}

const graph = buildGraph(doubleTunnel());
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the live view', () => {
  it('has a line a host and a line a tunnel, hosts first', async () => {
    const { seen, live, runner } = setup();
    live.begin(graph);
    await tick();
    expect(seen.subjects?.order).toEqual(['host:bastion', 'host:test-server', 'tunnel:git-inner', 'tunnel:git']);
    runner.host('bastion', { to: 'connected', tookMs: 310 });
    runner.tunnel('git', { to: 'waiting', waitingOn: ['host bastion'] });
    expect(seen.subjects?.title('host:bastion')).toBe('host   bastion      connected · 0.31s');
    expect(seen.subjects?.title('tunnel:git')).toBe('tunnel git          waiting for host bastion');
    expect(seen.subjects?.outcome('host:bastion')).toBe('up');
    expect(seen.subjects?.outcome('tunnel:git')).toBe('pending');
  });

  it('leaves its last lines and the table, then goes on line by line', async () => {
    const { seen, live, runner } = setup();
    live.begin(graph);
    await tick();
    runner.host('bastion', { to: 'connected', tookMs: 310 });
    runner.tunnel('git', { to: 'failed', failure: failure({ code: 'bind-in-use', message: 'port 7999 is busy', hint: 'free it' }) });
    await live.settled(runner.snapshot());
    runner.tunnel('git', { to: 'open', ingress: '127.0.0.1:7999', tookMs: 10 });
    const text = seen.log.join('');
    expect(text).toMatch(/^<screen><\/screen>✔ host {3}bastion {6}connected · 0\.31s\n… host {3}test-server {2}waiting\n/);
    expect(text).toContain('✖ tunnel git          failed: port 7999 is busy [bind-in-use]\n  → free it\n');
    expect(text).toContain('NAME');
    expect(text).toMatch(/git +open 127\.0\.0\.1:7999 · 0\.01s\n$/);
  });

  it('is out of the way while a question is open, and while something else is written', async () => {
    const { seen, live } = setup();
    live.begin(graph);
    await tick();
    const resume = await live.suspend();
    seen.log.push('question');
    live.say('meanwhile', 'note');
    await tick();
    resume();
    live.say('later', 'note');
    await live.settled(null);
    expect(seen.log.slice(0, 9)).toEqual([
      '<screen>',
      '</screen>',
      'question',
      'meanwhile\n',
      '<screen>',
      '</screen>',
      'later\n',
      '<screen>',
      '</screen>',
    ]);
  });

  it('clears the frame once for a burst of lines', async () => {
    const { seen, live } = setup();
    live.begin(graph);
    await tick();
    for (let line = 0; line < 1000; line += 1) live.say('meanwhile', 'note');
    await tick();
    expect(seen.log.filter((text) => text === 'meanwhile\n')).toHaveLength(1000);
    expect(seen.log.filter((text) => text === '<screen>')).toHaveLength(2);
  });

  it('draws the new subjects after a reload', async () => {
    const { seen, live } = setup();
    live.begin(graph);
    await tick();
    live.begin(buildGraph({ ...doubleTunnel(), tunnels: new Map([...doubleTunnel().tunnels].slice(0, 1)) }));
    await tick();
    expect(seen.subjects?.order).toEqual(['host:bastion', 'host:test-server', 'tunnel:git-inner']);
  });
});

describe('the screen of listr2', () => {
  const subjects = (outcomes: Record<string, 'pending' | 'up' | 'failed'>): Subjects => ({
    order: Object.keys(outcomes),
    outcome: (id) => outcomes[id] ?? 'pending',
    title: (id) => `${id} ${outcomes[id] ?? ''}`,
  });

  it('draws a line each, takes over changes, and leaves nothing behind', async () => {
    const chunks: string[] = [];
    const outcomes: Record<string, 'pending' | 'up' | 'failed'> = { a: 'pending', b: 'up', c: 'failed' };
    const before = process.listenerCount('SIGINT');
    const screen = startScreen(subjects(outcomes), { isTTY: true, columns: 80, write: (text: string) => chunks.push(text) }, plain);
    await until(() => ['a pending', 'b up', 'c failed'].every((text) => chunks.some((chunk) => chunk.includes(text))), { what: 'a frame' });
    outcomes.a = 'up';
    screen.refresh();
    await until(() => chunks.some((chunk) => chunk.includes('a up')), { what: 'the change' });
    await screen.stop();
    const count = chunks.length;
    expect(chunks.at(-1)).toBe('\u001b[?25h');
    expect(process.listenerCount('SIGINT')).toBeLessThanOrEqual(before + 1);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(chunks).toHaveLength(count);
  });

  it('stops with tasks still open', async () => {
    const chunks: string[] = [];
    const screen = startScreen(subjects({ a: 'pending' }), { isTTY: true, columns: 80, write: (text: string) => chunks.push(text) }, plain);
    await until(() => chunks.some((chunk) => chunk.includes('a pending')), { what: 'a frame' });
    await screen.stop();
    expect(chunks.at(-1)).toBe('\u001b[?25h');
  });

  it('draws a burst of changes a few times, not once a change', async () => {
    const chunks: string[] = [];
    let asked = 0;
    let state = 0;
    const many: Subjects = {
      order: Array.from({ length: 20 }, (_, index) => `tunnel:${String(index)}`),
      outcome: () => 'pending',
      title: (id) => {
        asked += 1;
        return `${id} ${String(state)}`;
      },
    };
    const screen = startScreen(many, { isTTY: true, columns: 80, write: (text: string) => chunks.push(text) }, plain);
    await until(() => chunks.some((chunk) => chunk.includes('tunnel:19 0')), { what: 'a frame' });
    vi.useFakeTimers();
    try {
      screen.refresh();
      await vi.advanceTimersByTimeAsync(300);
      chunks.length = 0;
      asked = 0;
      for (state = 1; state <= 1000; state += 1) {
        screen.refresh();
        await vi.advanceTimersByTimeAsync(1);
      }
      // One second at ten frames, of 20 lines; a frame is more than one write.
      expect(asked).toBeLessThanOrEqual(11 * 20);
      expect(chunks.filter((chunk) => chunk.includes('tunnel:19')).length).toBeLessThanOrEqual(11);
      expect(chunks.length).toBeGreaterThan(0);
    } finally {
      vi.useRealTimers();
    }
    await screen.stop();
  });
});
