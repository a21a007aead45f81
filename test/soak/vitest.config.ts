import { defineConfig } from 'vitest/config';

/** Apart from the others: `npm test` does not run what takes minutes. */
export default defineConfig({
  test: {
    name: 'soak',
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/soak/*.soak.ts'],
    globalSetup: ['test/setup/run-directory.ts', 'test/setup/build.ts'],
    setupFiles: ['test/setup/leftovers.ts'],
    pool: 'forks',
    hookTimeout: 120_000,
  },
});
