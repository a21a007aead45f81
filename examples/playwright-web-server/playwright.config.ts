import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: '.',
  use: { baseURL: 'http://localhost:4173/' },
  webServer: {
    command: 'tunnels run --wait-timeout 20 -- node server.mjs',
    url: 'http://localhost:4173/',
    timeout: 30_000,
    // SIGKILL, the default, would leave tunnels no time to close anything.
    gracefulShutdown: { signal: 'SIGTERM', timeout: 5_000 },
  },
});
