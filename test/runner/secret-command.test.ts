import { describe, expect, it } from 'vitest';
import { FailureError } from '../../src/core/failure.ts';
import type { CommandEnd, CommandRequest, RunCommand } from '../../src/engine/command.ts';
import { RunningCommands } from '../../src/runner/running-commands.ts';
import { secretOfCommand } from '../../src/runner/secret-command.ts';

const COMMAND = { argv: ['pass', 'show', 'bastion'], cwd: '/p', trusted: true };
const PASSWORD = { host: 'bastion', kind: 'password' } as const;
const never = new AbortController().signal;
const ends =
  (part: Partial<CommandEnd>): RunCommand =>
  async () => ({ how: { ended: 'exit', code: 0 }, stdout: '', stderr: '', overflow: false, ...part });
const exits = (code: number): Pick<CommandEnd, 'how'> => ({ how: { ended: 'exit', code } });

async function failureOf(
  part: Partial<CommandEnd>,
  asked: Parameters<typeof secretOfCommand>[1] = PASSWORD,
): Promise<FailureError['failure']> {
  const error: unknown = await secretOfCommand(COMMAND, asked, { run: ends(part), signal: never }).catch((each: unknown) => each);
  if (!(error instanceof FailureError)) throw new Error(`it gave ${String(error)}`);
  return error.failure;
}

it.each([
  ['hunter2\n', 'hunter2'],
  ['hunter2', 'hunter2'],
  ['hunter2\r\nuser: me\r\n', 'hunter2'],
  ['  kept as it is  \n', '  kept as it is  '],
  ['pässwörd\nsecond line', 'pässwörd'],
])('the first line of %j is the secret', async (stdout, secret) => {
  expect(await secretOfCommand(COMMAND, PASSWORD, { run: ends({ stdout }), signal: never })).toBe(secret);
});

it('is run as the file has it, its start kept, with no variable beside', async () => {
  const asked: CommandRequest[] = [];
  const run: RunCommand = (request) => {
    asked.push(request);
    return ends({ stdout: 'x' })(request);
  };
  await secretOfCommand(COMMAND, PASSWORD, { run, signal: never });
  expect(asked).toMatchObject([{ argv: COMMAND.argv, cwd: '/p', env: {}, keep: 'start' }]);
});

describe('without one, the reason is told by what it said on stderr, and never by what it printed', () => {
  it.each<[string, Partial<CommandEnd>, string]>([
    ['a code', { ...exits(1), stdout: 'hunter2', stderr: 'gpg: decryption failed\nNo secret key\n' }, 'exited with 1: No secret key'],
    ['terminal escapes', { ...exits(1), stderr: '\u001b[31mred\u001b[0m\u0007' }, 'exited with 1: red'],
    ['a secret that it says itself', { ...exits(1), stdout: 'hunter2\n', stderr: '+ echo hunter2' }, 'exited with 1: + echo ***'],
    ['nothing said', { ...exits(2), stdout: 'hunter2' }, 'exited with 2'],
    ['a signal', { how: { ended: 'signal', signal: 'SIGSEGV' }, stdout: 'hunter2' }, 'was ended by SIGSEGV'],
    ['no such program', { how: { ended: 'not-started', why: 'ENOENT' } }, 'was not found'],
    ['nothing printed', {}, 'printed nothing'],
    ['an empty first line', { stdout: '\nhunter2\n' }, 'printed nothing'],
    ['too much', { overflow: true, stdout: 'hunter2', how: { ended: 'signal', signal: 'SIGTERM' } }, 'printed too much'],
  ])('%s', async (_, part, words) => {
    const failure = await failureOf(part);
    expect(failure).toMatchObject({
      code: 'auth-rejected',
      message: `bastion: the command that prints the password, pass, ${words}`,
      hint: expect.any(String),
    });
    expect(JSON.stringify(failure)).not.toContain('hunter2');
  });

  it('a passphrase has its own code', async () => {
    const failure = await failureOf(exits(1), { host: 'bastion', kind: 'passphrase' });
    expect([failure.code, failure.message]).toEqual([
      'passphrase-required',
      'bastion: the command that prints the passphrase, pass, exited with 1',
    ]);
  });
});

/** Ends when it is told to. */
const hangs: RunCommand = ({ signal }) =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () =>
      resolve({ how: { ended: 'signal', signal: 'SIGTERM' }, stdout: '', stderr: '', overflow: false }),
    );
  });

it('one that hangs is ended, and said to', async () => {
  const hung = secretOfCommand(COMMAND, PASSWORD, { run: hangs, signal: never, limitMs: 20 });
  await expect(hung).rejects.toMatchObject({
    failure: { code: 'auth-rejected', message: expect.stringContaining('was not done within 0.02 s') },
  });
});

it('of a login that is given up nothing is told', async () => {
  const stop = new AbortController();
  const given = secretOfCommand(COMMAND, PASSWORD, { run: hangs, signal: stop.signal });
  stop.abort();
  expect(await given).toBeNull();
});

it('one that is not trusted is not run', async () => {
  let ran = 0;
  const run: RunCommand = (request) => {
    ran += 1;
    return ends({ stdout: 'x' })(request);
  };
  const asked = secretOfCommand({ ...COMMAND, trusted: false }, PASSWORD, { run, signal: never });
  await expect(asked).rejects.toMatchObject({ failure: { code: 'untrusted', hint: expect.stringContaining('tunnels trust') } });
  expect(ran).toBe(0);
});

it('those that run are waited for at the end', async () => {
  let finish: (end: CommandEnd) => void = () => undefined;
  const commands = new RunningCommands(() => new Promise((resolve) => (finish = resolve)));
  await commands.ended();
  const end = commands.run({ argv: ['x'], cwd: '/', env: {}, keep: 'end', signal: never });
  let over = false;
  const ended = commands.ended().then(() => (over = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(over).toBe(false);
  finish(await ends({})({ argv: [], cwd: '/', env: {}, keep: 'end', signal: never }));
  await Promise.all([end, ended]);
  expect(over).toBe(true);
});
