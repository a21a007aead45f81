import { spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FailureError, type FailureCode } from '../../src/core/failure.ts';
import { removeLeftSocket } from '../../src/forward/left-socket.ts';
import type { Connection } from '../../src/ssh/connection.ts';

let dir: string;
let path: string;
let commands: string[];
const servers: Server[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'left-'));
  path = join(dir, "it's a socket");
  commands = [];
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  rmSync(dir, { recursive: true });
});

/** The host is this machine, and its account's shell an sh. */
function host({
  dials = 'target-refused',
  execs = true,
}: {
  readonly dials?: FailureCode | 'open';
  readonly execs?: boolean;
} = {}): Connection {
  return {
    dial: async () => {
      if (dials === 'open') return new PassThrough();
      throw new FailureError({ code: dials, message: 'no' });
    },
    exec: async (command: string) => {
      commands.push(command);
      if (!execs) throw new FailureError({ code: 'target-forbidden', message: 'no' });
      const child = spawn('sh', ['-c', command]);
      const exit = new Promise((resolve) => child.once('close', (code) => resolve({ code, signal: null })));
      return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exit, close: () => child.kill() };
    },
  } as unknown as Connection;
}

/** What a process that was killed leaves. */
function leave(): void {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  expect(lstatSync(path).isSocket()).toBe(true);
}

const listen = (): Promise<void> =>
  new Promise((resolve) => {
    const server = createServer();
    servers.push(server);
    server.listen(path, resolve);
  });

describe('a socket file that was left', () => {
  it('is removed', async () => {
    leave();
    expect(await removeLeftSocket(host(), path)).toBe(true);
    expect(existsSync(path)).toBe(false);
  });

  it.each<['open' | FailureCode, string]>([
    ['open', 'takes a connection'],
    ['target-forbidden', 'may not be looked at'],
    ['connection-lost', 'cannot be looked at'],
  ])('stays, and no command is run, where it %s', async (dials) => {
    leave();
    expect(await removeLeftSocket(host({ dials }), path)).toBe(false);
    expect(commands).toEqual([]);
    expect(existsSync(path)).toBe(true);
  });

  it('stays where no command may be run', async () => {
    leave();
    expect(await removeLeftSocket(host({ execs: false }), path)).toBe(false);
    expect(existsSync(path)).toBe(true);
  });

  it.runIf(process.platform === 'linux')('stays where the kernel knows a holder, though it took no connection', async () => {
    await listen();
    expect(await removeLeftSocket(host(), path)).toBe(false);
    expect(existsSync(path)).toBe(true);
  });

  it.each<[string, () => void]>([
    ['a file', () => writeFileSync(path, '')],
    ['a directory', () => mkdirSync(path)],
    ['a link that leads nowhere', () => symlinkSync('/nowhere', path)],
    ['nothing', () => undefined],
  ])('is not taken for one where it is %s', async (_, make) => {
    make();
    const before = lstatSync(path, { throwIfNoEntry: false })?.mode;
    expect(await removeLeftSocket(host(), path)).toBe(false);
    expect(lstatSync(path, { throwIfNoEntry: false })?.mode).toBe(before);
  });
});
