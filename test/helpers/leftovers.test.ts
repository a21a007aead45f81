import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startChild } from './child.ts';
import { baseline, leftovers } from './leftovers.ts';
import { commandLine } from './process-table.ts';
import { remove, scratch } from './scratch.ts';
import { startEcho } from './services.ts';
import { until } from './wait.ts';

interface Case {
  readonly what: string;
  readonly told: RegExp;
  /** Leaves it, and returns how to take it away. */
  readonly leave: () => Promise<() => Promise<unknown>>;
}

const CASES: readonly Case[] = [
  {
    what: 'a child process',
    told: /process \d+ still runs: .*sleep 60/,
    leave: async () => {
      const child = startChild('sleep', ['60']);
      // The system closes the files of a program that is starting, by which node knows that it has started, before it shows the new command line.
      await until(() => commandLine(child.pid) === 'sleep 60', { what: 'the command line' });
      return () => child.stop('SIGKILL');
    },
  },
  {
    what: 'a TCP listener',
    told: /this process still listens on (tcp port \d+|TCPServerWrap)/,
    leave: async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return () => new Promise((resolve) => server.close(resolve));
    },
  },
  {
    what: 'a service',
    told: /a service on port \d+ was not stopped/,
    leave: async () => {
      const echo = await startEcho();
      return () => echo.stop();
    },
  },
  {
    what: 'a directory',
    told: /the directory .* was not removed/,
    leave: async () => {
      const dir = scratch();
      return async () => remove(dir);
    },
  },
];

test.each(CASES)('$what that is left is told, and is not once it is gone', async ({ told, leave }) => {
  const before = baseline();
  const takeAway = await leave();
  expect(leftovers(before).join('\n')).toMatch(told);
  await takeAway();
  expect(leftovers(before)).toEqual([]);
});

test.runIf(process.platform === 'linux')('a unix socket that is left is told by its path', async () => {
  const dir = scratch();
  const before = baseline();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(dir, 's'), resolve));
  expect(leftovers(before).join('\n')).toContain(`listens on unix socket ${join(dir, 's')}`);
  await new Promise((resolve) => server.close(resolve));
  remove(dir);
});
