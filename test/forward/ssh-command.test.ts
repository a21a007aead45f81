import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tcp, unix } from '../../src/core/address.ts';
import { quote } from '../../src/forward/shell-quote.ts';
import { connectWords, dyingCommand, forwardWords } from '../../src/forward/ssh-command.ts';
import { descendantsOf, isAlive } from '../helpers/process-table.ts';
import { until } from '../helpers/wait.ts';

const words = (result: ReturnType<typeof forwardWords>): string => (result.ok ? result.value.join(' ') : `refused: ${result.error}`);
const forward = { ingress: tcp('localhost', 8080), egress: tcp('web', 80), socketMode: 0o600 };

describe('the words for ssh', () => {
  test.each([
    ['local', forward, '-L localhost:8080:web:80 -- inner'],
    ['remote', forward, '-R localhost:8080:web:80 -- inner'],
    ['dynamic', { ...forward, egress: null }, '-D localhost:8080 -- inner'],
    ['remote-dynamic', { ...forward, egress: null }, '-R localhost:8080 -- inner'],
    ['local', { ...forward, ingress: tcp('*', 1), egress: tcp('::1', 2) }, '-L *:1:[::1]:2 -- inner'],
    ['local', { ...forward, ingress: unix('/run/a'), egress: unix('/run/b') }, '-o StreamLocalBindUnlink=yes -L /run/a:/run/b -- inner'],
    ['remote', { ...forward, ingress: unix('/run/a') }, '-R /run/a:web:80 -- inner'],
  ] as const)('%s', (type, ends, expected) => {
    expect(words(forwardWords({ type, ...ends }, { hostname: 'inner' }))).toContain(expected);
  });

  test('a mode becomes a mask', () => {
    expect(words(forwardWords({ type: 'local', ...forward, ingress: unix('/run/a'), socketMode: 0o660 }, { hostname: 'inner' }))).toContain(
      'StreamLocalBindMask=0117',
    );
  });

  test('user, port and jumps', () => {
    const to = { hostname: 'inner', port: 2222, user: 'deploy', jumps: [{ hostname: 'a', user: 'u', port: 22 }, { hostname: '::1' }] };
    expect(words(forwardWords({ type: 'local', ...forward }, to))).toMatch(/ -J u@a:22,\[::1\] -p 2222 -l deploy -- inner$/);
    expect(words(connectWords(tcp('localhost', 80), to))).toMatch(/ -W localhost:80 -J /);
  });

  test('never prompts, never shares, ends when a forwarding fails', () => {
    for (const setting of ['BatchMode=yes', 'ExitOnForwardFailure=yes', 'ControlPath=none', 'ControlMaster=no'])
      expect(words(forwardWords({ type: 'local', ...forward }, { hostname: 'inner' }))).toContain(`-o ${setting}`);
  });

  test.each([
    [{ hostname: '-oProxyCommand=x' }],
    [{ hostname: 'a b' }],
    [{ hostname: 'a;b' }],
    [{ hostname: 'a', user: '-l' }],
    [{ hostname: 'a', user: 'x$(id)' }],
    [{ hostname: 'a', jumps: [{ hostname: 'b,c' }] }],
    [{ hostname: 'a', jumps: [{ hostname: '-b' }] }],
    [{ hostname: '' }],
  ])('%j is refused', (to) => {
    expect(words(forwardWords({ type: 'local', ...forward }, to))).toMatch(/^refused: /);
  });

  test('a path that ssh would take apart is refused', () => {
    expect(words(forwardWords({ type: 'local', ...forward, ingress: unix('/run/a:b') }, { hostname: 'a' }))).toMatch(/^refused: /);
  });
});

test.each(['plain', '', "it's", '$(id) `id` $HOME', 'a\\b', '"', '*', '!', '\n', '-n', '~'])('the shell reads %j as one word', (word) => {
  expect(execFileSync('sh', ['-c', `printf %s ${quote(word)}`], { encoding: 'utf8' })).toBe(word);
});

describe('a command that dies with its channel', () => {
  let shell: ChildProcess | null = null;
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tl-'));
  });
  afterEach(() => {
    if (shell?.pid)
      for (const pid of [shell.pid, ...descendantsOf(shell.pid)])
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          /* gone */
        }
    shell = null;
    rmSync(dir, { recursive: true, force: true });
  });

  const run = (command: string): ChildProcess => {
    shell = spawn('sh', ['-c', command], { stdio: ['pipe', 'pipe', 'pipe'] });
    shell.stdin?.on('error', () => {});
    return shell;
  };
  const children = (): number[] => (shell?.pid ? descendantsOf(shell.pid) : []);

  test('ends when its stdin ends, and nothing is left', async () => {
    const child = run(dyingCommand(['sleep', '600'], null));
    await until(() => children().length === 2, { what: 'the command and its watcher' });
    const pids = children();
    const exited = once(child, 'exit');
    child.stdin?.end();
    await exited;
    await until(() => pids.every((pid) => !isAlive(pid)), { what: 'both to be gone' });
  });

  test('ends with the command’s own code, and nothing is left', async () => {
    const child = run(dyingCommand(['sh', '-c', 'echo out; echo err >&2; exit 7'], null));
    const [out, err] = [once(child.stdout!, 'data'), once(child.stderr!, 'data')];
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(7);
    expect([String((await out)[0]), String((await err)[0])]).toEqual(['out\n', 'err\n']);
    // The streams end: nobody is left who holds them.
    await until(() => child.stdout?.destroyed !== false || child.stdout.readableEnded, { what: 'stdout to end' });
  });

  test.each(['SIGTERM', 'SIGHUP'] as const)('%s to the shell ends the command', async (signal) => {
    const child = run(dyingCommand(['sleep', '600'], null));
    await until(() => children().length === 2, { what: 'the command and its watcher' });
    const pids = children();
    child.kill(signal);
    await until(() => pids.every((pid) => !isAlive(pid)), { what: 'both to be gone' });
  });

  test('its words are its own', async () => {
    const child = run(dyingCommand(['printf', '%s|', 'a b', "it's", '$HOME', ''], null));
    const [out] = (await once(child.stdout!, 'data')) as [Buffer];
    expect(out.toString()).toBe("a b|it's|$HOME||");
  });

  test('a socket file is removed at the end, any other file is not', async () => {
    const path = join(dir, 'a socket');
    const server = createServer().listen(path);
    await once(server, 'listening');
    const child = run(dyingCommand(['true'], path));
    await once(child, 'exit');
    expect(existsSync(path)).toBe(false);
    server.close();
    const other = run(dyingCommand(['true'], dir));
    await once(other, 'exit');
    expect(existsSync(dir)).toBe(true);
  });
});
