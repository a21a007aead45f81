import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** These put other modules in the place of some, for as long as the process lives; or measure its memory or timers, which others may change. */
const ALONE =
  /\bvi\.(?:mock|doMock)\(|helpers\/without-addon|memoryUsage|getHeapStatistics|residentBytes|getTimerCount|hostile-channel-cases/;
const ownProcess = testsOf('unit').filter((file) => ALONE.test(readFileSync(file, 'utf8')));

/** These have figures but no limit in time, and take both processors from those beside them. */
const CROWDS = /-at-once\.test\.ts$/;

/** Each runs several sshd; these hold what the program does to a limit in time or memory, or break its links in the middle of something. */
const timed = testsOf('e2e').filter((file) => /helpers\/(?:figure|fault-)/.test(readFileSync(file, 'utf8')) && !CROWDS.test(file));

const unit = {
  globalSetup: ['test/setup/run-directory.ts'],
  setupFiles: ['test/setup/leftovers.ts'],
  // A bound on hanging, not a measure: two cores may be busy with other files.
  testTimeout: 30_000,
  pool: 'forks' as const,
  // Vitest leaves one processor to itself, which on two of them is half.
  maxWorkers: 2,
};

const endToEnd = {
  globalSetup: ['test/setup/run-directory.ts', 'test/setup/build.ts'],
  setupFiles: ['test/setup/leftovers.ts'],
  testTimeout: 60_000,
  hookTimeout: 120_000,
  pool: 'forks' as const,
};

export default defineConfig({
  test: {
    passWithNoTests: false,
    projects: [
      {
        test: {
          ...unit,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', ...ownProcess],
          // A process for each file takes as long again as the tests themselves.
          isolate: false,
        },
      },
      { test: { ...unit, name: 'unit-own-process', include: ownProcess } },
      // More at a time would make their limits lie.
      { test: { ...endToEnd, name: 'e2e-timed', include: timed, maxWorkers: 2, sequence: { groupOrder: 1 } } },
      // Two at a time leave a fifth of two processors idle.
      {
        test: {
          ...endToEnd,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: timed,
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

function testsOf(kind: 'unit' | 'e2e'): string[] {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.test.ts') && file.startsWith('e2e/') === (kind === 'e2e')).map((file) => `test/${file}`);
}
