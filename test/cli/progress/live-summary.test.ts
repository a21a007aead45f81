import { describe, expect, it } from 'vitest';
import { summarised } from '../../../src/cli/progress/live-summary.ts';
import type { Subjects } from '../../../src/cli/progress/standing.ts';

type Outcome = ReturnType<Subjects['outcome']>;

function project({ hosts, tunnels }: { hosts: number; tunnels: number }) {
  const outcomes = new Map<string, Outcome>();
  const ids = (kind: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${kind}:${kind[0] ?? ''}${String(index)}`);
  const all: Subjects = {
    order: [...ids('host', hosts), ...ids('tunnel', tunnels)],
    outcome: (id) => outcomes.get(id) ?? 'pending',
    title: (id) => `${id} ${outcomes.get(id) ?? 'pending'}\nhint of ${id}`,
  };
  return { all, outcomes };
}

const room = { rows: 24, columns: 80 };

describe('the size of the frame', () => {
  it.each([
    [1, 19, 20, 'a line each'],
    [1, 20, 2, 'a line for all tunnels'],
    [19, 320, 20, 'the last host that has a line'],
    [20, 320, 2, 'a line for all hosts too'],
    [40, 0, 1, 'hosts alone'],
  ])('%i hosts and %i tunnels on 24 rows are %i lines: %s', (hosts, tunnels, lines) => {
    expect(summarised(project({ hosts, tunnels }).all, room).order).toHaveLength(lines);
  });

  it.each([
    [1, 320],
    [19, 320],
    [300, 320],
  ])('stays within the terminal when %i hosts and %i tunnels fail', (hosts, tunnels) => {
    const { all, outcomes } = project({ hosts, tunnels });
    for (const id of all.order) outcomes.set(id, 'failed');
    const shown = summarised(all, room);
    const lines = shown.order.flatMap((id) => shown.title(id).split('\n'));
    expect(lines.length).toBeLessThanOrEqual(20);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(74);
  });
});

it('counts what is open, names what is waited for, and shows the failures below', () => {
  const { all, outcomes } = project({ hosts: 1, tunnels: 30 });
  for (let index = 0; index < 26; index += 1) outcomes.set(`tunnel:t${String(index)}`, 'up');
  outcomes.set('tunnel:t26', 'failed');
  const shown = summarised(all, room);
  expect(shown.title('tunnel:')).toBe('tunnels: 26 of 30 open, 1 failed, waiting: t27, t28, t29\ntunnel:t26 failed');
  expect(shown.outcome('tunnel:')).toBe('pending');
  for (const name of ['t27', 't28', 't29']) outcomes.set(`tunnel:${name}`, 'up');
  expect(shown.outcome('tunnel:')).toBe('failed');
  outcomes.set('tunnel:t26', 'up');
  expect(shown.outcome('tunnel:')).toBe('up');
  expect(shown.title('tunnel:')).toBe('tunnels: 30 of 30 open');
});
