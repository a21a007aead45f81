/** Faults by a seed (test/helpers/fault-run.ts). `npm run soak` runs the same for as long as one likes. */
import { expect, it } from 'vitest';
import { runFaults } from '../helpers/fault-run.ts';
import { figure } from '../helpers/figure.ts';

const SEED = 20_260;

it.each([1, 3])(
  'random faults under traffic, connections: %i: bytes are exact or an error, open is open, nothing is left',
  async (connections) => {
    const told: string[] = [];
    const report = await runFaults({ seed: SEED, ms: 10_000, connections, log: (line) => told.push(line) });
    figure(`random faults with connections: ${connections}, survived`, told.length, {
      unit: `faults, ${report.reconnects} reconnects, ${report.exact} exact, ${report.errors} errors`,
    });
    expect({ violations: report.violations, told: report.violations.length > 0 ? told : [] }).toEqual({ violations: [], told: [] });
    expect(report.exact).toBeGreaterThan(20);
    expect(report.reconnects).toBeGreaterThan(0);
  },
);
