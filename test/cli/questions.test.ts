import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { terminalQuestions, type Prompts } from '../../src/cli/questions.ts';
import { withResolvers } from './fake-runner.ts';

const CANCELLED = Symbol('cancelled');
const never = new AbortController().signal;

interface Setup {
  readonly isTTY?: boolean;
  readonly answer?: (message: string) => Promise<unknown>;
}

function setup({ isTTY = true, answer = async () => 'secret' }: Setup = {}) {
  const log: string[] = [];
  const ask = (kind: string) => async (options: { message: string }) => {
    log.push(`${kind} ${options.message}`);
    return answer(options.message);
  };
  const prompts = { password: ask('password'), text: ask('text'), confirm: ask('confirm') } as unknown as Prompts;
  const questions = terminalQuestions({
    io: { stdin: Object.assign(Readable.from([]), { isTTY }), stderr: { isTTY, write: (text) => log.push(text) } },
    suspend: async () => {
      log.push('suspend');
      return () => void log.push('resume');
    },
    onInterrupt: () => void log.push('interrupt'),
    prompts: async () => prompts,
  });
  return { log, questions };
}

const secret = { host: 'bastion', prompt: "deploy@bastion's password: ", echo: false };
const key = { host: 'bastion', address: '[127.0.0.1]:2222', algorithm: 'ssh-ed25519', fingerprint: 'SHA256:abc' };

describe('questions at a terminal', () => {
  it('a secret is masked, an open answer is not, and the live view is out of the way', async () => {
    const { log, questions } = setup();
    expect(await questions.secret(secret, never)).toBe('secret');
    expect(await questions.secret({ host: 'bastion', prompt: 'Verification code:', echo: true }, never)).toBe('secret');
    expect(log).toEqual([
      'suspend',
      "password deploy@bastion's password",
      'resume',
      'suspend',
      'text bastion: Verification code',
      'resume',
    ]);
  });

  it("asks about a host key in ssh's words", async () => {
    const { log, questions } = setup({ answer: async () => true });
    expect(await questions.hostKey(key, never)).toBe('yes');
    expect(log[1]).toBe(
      "The authenticity of host 'bastion ([127.0.0.1]:2222)' can't be established.\nED25519 key fingerprint is SHA256:abc.\n",
    );
    expect(log[2]).toBe('confirm Are you sure you want to continue connecting?');
    expect(await setup({ answer: async () => false }).questions.hostKey(key, never)).toBe('no');
  });

  it.each([
    ['ecdsa-sha2-nistp256', 'ECDSA'],
    ['rsa-sha2-512', 'RSA'],
    ['ssh-rsa', 'RSA'],
  ])('%s is called %s', async (algorithm, name) => {
    const { log, questions } = setup({ answer: async () => true });
    await questions.hostKey({ ...key, algorithm }, never);
    expect(log[1]).toContain(`${name} key fingerprint`);
  });

  it('asks one thing at a time', async () => {
    const first = withResolvers<string>();
    const { log, questions } = setup({ answer: (message) => (message.includes('one') ? first.promise : Promise.resolve('b')) });
    const one = questions.secret({ host: 'one', prompt: 'password', echo: false }, never);
    const two = questions.secret({ host: 'two', prompt: 'password', echo: false }, never);
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(['suspend', 'password one: password']);
    first.resolve('a');
    expect(await Promise.all([one, two])).toEqual(['a', 'b']);
    expect(log.indexOf('resume')).toBeLessThan(log.indexOf('password two: password'));
  });

  it('Ctrl-C at a question is a Ctrl-C', async () => {
    const { log, questions } = setup({ answer: async () => CANCELLED });
    expect(await questions.secret(secret, never)).toBeNull();
    expect(log).toContain('interrupt');
  });

  it('a question whose answer nobody wants any more is no Ctrl-C', async () => {
    const abort = new AbortController();
    const { log, questions } = setup({
      answer: async () => {
        abort.abort();
        return CANCELLED;
      },
    });
    expect(await questions.secret(secret, abort.signal)).toBeNull();
    expect(log).not.toContain('interrupt');
    expect(await questions.hostKey(key, abort.signal)).toBeNull();
  });

  it('an empty line is an empty answer', async () => {
    expect(await setup({ answer: async () => undefined }).questions.secret(secret, never)).toBe('');
  });
});

it('without a terminal nobody is asked', async () => {
  const { log, questions } = setup({ isTTY: false });
  expect(await questions.secret(secret, never)).toBeNull();
  expect(await questions.hostKey(key, never)).toBeNull();
  expect(log).toEqual([]);
});
