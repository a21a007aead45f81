/** The long run behind `npm run soak`: random faults for as long as asked, then a thousand reconnects with their slopes. */
import { expect, it } from 'vitest';
import { reconnectMany, runFaults } from '../helpers/fault-run.ts';
import { figure } from '../helpers/figure.ts';

const MINUTE = 60_000;
const minutes = Number(process.env.SOAK_MINUTES);
const seed = Number(process.env.SOAK_SEED);
const RECONNECTS = 1_000;

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

it(`${RECONNECTS} reconnects keep nothing`, { timeout: 10 * MINUTE }, async () => {
  const figures = await reconnectMany(RECONNECTS);
  figure('resident memory at the end', figures.residentMiB, { unit: 'MiB' });
  figure('resident memory, slope', figures.bytesEach / 1_024, { unit: 'KiB a reconnect', limit: 16 });
  figure('descriptors, slope', figures.descriptorsEach, { unit: 'a reconnect', limit: 0.01 });
  expect(figures.descriptorsEach).toBeLessThan(0.01);
  expect(figures.bytesEach).toBeLessThan(16 * 1_024);
});
