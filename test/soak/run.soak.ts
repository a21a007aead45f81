/** The long run behind `npm run soak`: random faults for as long as asked, three thousand reconnects with their slopes, and what takes its time. */
import { afterEach, expect, it } from 'vitest';
import { runFaults } from '../helpers/fault-run.ts';
import { figure } from '../helpers/figure.ts';
import { reconnectMany } from '../helpers/reconnect-run.ts';
import { scene } from '../helpers/scene.ts';
import { flap, freeze } from '../helpers/slow-faults.ts';

const each = scene(afterEach);
const MINUTE = 60_000;
const minutes = Number(process.env.SOAK_MINUTES);
const seed = Number(process.env.SOAK_SEED);
/** Compiled code is complete after some 1,300; the slopes are of the second half. */
const RECONNECTS = 3_000;

it(`random faults for ${minutes} minutes, seed ${seed}`, { timeout: (minutes + 2) * MINUTE }, async () => {
  const recent: string[] = [];
  const report = await runFaults({
    seed,
    ms: minutes * MINUTE,
    log: (line) => {
      recent.push(line);
      if (recent.length > 30) recent.shift();
    },
  });
  for (const [name, count] of Object.entries(report.faults)) figure(`fault "${name}"`, count, { unit: 'times' });
  figure('reconnects', report.reconnects, { unit: 'times' });
  figure('exchanges that were exact', report.exact, { unit: 'times' });
  figure('exchanges that ended in an error', report.errors, { unit: 'times' });
  figure('violations', report.violations.length, { unit: 'times', limit: 0 });
  expect(report.violations, `seed ${seed}; the last faults:\n${recent.join('\n')}`).toEqual([]);
});

it(`${RECONNECTS} reconnects keep nothing`, { timeout: 20 * MINUTE }, async () => {
  const figures = await reconnectMany(RECONNECTS);
  figure('reconnects of the program', figures.count, { unit: 'times' });
  figure('from a loss to all six tunnels on two hosts being open again, median', figures.medianMs);
  figure('heap after a collection, at the end', figures.heapMiB, { unit: 'MiB' });
  figure('heap after a collection, slope', figures.heapBytesEach, { unit: 'bytes a reconnect', limit: 512 });
  figure('resident memory, at the end', figures.residentMiB, { unit: 'MiB' });
  figure('resident memory, slope', figures.residentBytesEach / 1_024, { unit: 'KiB a reconnect', limit: 16 });
  figure('descriptors, at the end', figures.descriptors, { unit: 'descriptors' });
  figure('descriptors, slope', figures.descriptorsEach, { unit: 'a reconnect', limit: 0.01 });
  expect(figures.descriptorsEach).toBeLessThan(0.01);
  expect(figures.heapBytesEach).toBeLessThan(512);
  expect(figures.residentBytesEach).toBeLessThan(16 * 1_024);
});

it('frozen for 60 s while its connection dies: open within 3 s of being woken', { timeout: 3 * MINUTE }, async () => {
  const { seenMs, openMs, ended } = await freeze(each, 60_000);
  figure('woken after 60 s, the jump of the clock is seen', seenMs);
  expect(figure('woken after 60 s on a dead link, open again', openMs, { limit: 3_000 })).toBeLessThan(3_000);
  expect(ended).toBe('ECONNRESET');
});

it('a link that is there for 3 s and gone for 3 s, 20 times: nothing is left', { timeout: 5 * MINUTE }, async () => {
  const { waits, descriptors, listeners } = await flap(each, 3_000, 20);
  figure('flapping 3 s/3 s, tries', waits.length, { unit: 'tries' });
  figure('flapping 3 s/3 s, the longest wait', Math.max(...waits), { limit: 30_000 });
  expect(figure('flapping 3 s/3 s, descriptors more than before', descriptors, { unit: 'fds', limit: 0 })).toBeLessThanOrEqual(0);
  expect(listeners).toBe(0);
});
