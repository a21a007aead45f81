import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** These put other modules in the place of some, for as long as the process lives; or measure its memory or timers, which others may change. */
const ALONE =
  /\bvi\.(?:mock|doMock)\(|helpers\/without-addon|memoryUsage|getHeapStatistics|residentBytes|getTimerCount|hostile-channel-cases/;
const ownProcess = unitTests().filter((file) => ALONE.test(readFileSync(file, 'utf8')));

const unit = {
  globalSetup: ['test/setup/run-directory.ts'],
  setupFiles: ['test/setup/leftovers.ts'],
  // A bound on hanging, not a measure: two cores may be busy with other files.
  testTimeout: 30_000,
  pool: 'forks' as const,
  // Vitest leaves one processor to itself, which on two of them is half.
  maxWorkers: 2,
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
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/setup/run-directory.ts', 'test/setup/build.ts'],
          setupFiles: ['test/setup/leftovers.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          pool: 'forks',
          // A third of their time is waiting for other programs. More at a time would make their time limits lie.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

function unitTests(): string[] {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.test.ts') && !file.startsWith('e2e/')).map((file) => `test/${file}`);
}
