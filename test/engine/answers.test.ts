import { describe, expect, it } from 'vitest';
import { Answers } from '../../src/engine/answers.ts';
import type { Asker, HostKeyQuestion, SecretRequest } from '../../src/ssh/connect-request.ts';

const question = (part: Partial<SecretRequest> = {}): SecretRequest => ({
  host: 'bastion',
  user: 'deploy',
  kind: 'password',
  prompt: 'Password: ',
  echo: false,
  keyFile: null,
  source: { prompt: true },
  ...part,
});
const hostKey: HostKeyQuestion = { host: 'bastion', address: 'bastion', algorithm: 'ssh-ed25519', fingerprint: 'SHA256:one' };
const { signal } = new AbortController();

/** Answers in order, and counts. */
function human(...answers: (string | null)[]): Asker & { asked: number } {
  const asker = {
    asked: 0,
    secret: async () => answers[asker.asked++] ?? null,
    hostKey: async () => {
      asker.asked += 1;
      return 'yes' as const;
    },
  };
  return asker;
}

describe('the further connections of a host', () => {
  it('log in with what was answered last to the same question', async () => {
    const [answers, asker] = [new Answers(), human('typo', 'right')];
    const first = answers.asking(asker);
    await first.secret(question(), signal);
    await first.secret(question(), signal);
    expect(await answers.repeating(asker).secret(question(), signal)).toBe('right');
    expect(await answers.repeating(asker).secret(question(), signal)).toBe('right');
    expect(asker.asked).toBe(2);
  });

  it('send an answer once in an attempt: it was rejected', async () => {
    const [answers, asker] = [new Answers(), human('old')];
    await answers.asking(asker).secret(question(), signal);
    const attempt = answers.repeating(asker);
    expect([await attempt.secret(question(), signal), await attempt.secret(question(), signal)]).toEqual(['old', null]);
    expect(asker.asked).toBe(1);
  });

  it.each<{ what: string; given: SecretRequest; asked: SecretRequest }>([
    { what: 'a one-time code', given: question({ kind: 'otp' }), asked: question({ kind: 'otp' }) },
    { what: 'what another question was answered with', given: question({ prompt: 'PIN: ' }), asked: question() },
    {
      what: 'the passphrase of another key',
      given: question({ kind: 'passphrase', keyFile: '/a' }),
      asked: question({ kind: 'passphrase', keyFile: '/b' }),
    },
  ])('are not given $what', async ({ given, asked }) => {
    const [answers, asker] = [new Answers(), human('secret')];
    await answers.asking(asker).secret(given, signal);
    expect(await answers.repeating(asker).secret(asked, signal)).toBeNull();
    expect(asker.asked).toBe(1);
  });

  it('ask the environment, which is nobody', async () => {
    const asker = human('from the environment');
    expect(await new Answers().repeating(asker).secret(question({ source: { env: 'PW' } }), signal)).toBe('from the environment');
  });

  it('trust the host key that was confirmed, and no other', async () => {
    const [answers, asker] = [new Answers(), human()];
    await answers.asking(asker).hostKey(hostKey, signal);
    expect(await answers.repeating(asker).hostKey(hostKey, signal)).toBe('yes');
    expect(await answers.repeating(asker).hostKey({ ...hostKey, fingerprint: 'SHA256:two' }, signal)).toBeNull();
    expect(asker.asked).toBe(1);
  });

  it('nothing is left of it once forgotten', async () => {
    const [answers, asker] = [new Answers(), human('secret')];
    await answers.asking(asker).secret(question(), signal);
    await answers.asking(asker).hostKey(hostKey, signal);
    answers.forget();
    expect(await answers.repeating(asker).secret(question(), signal)).toBeNull();
    expect(await answers.repeating(asker).hostKey(hostKey, signal)).toBeNull();
  });
});
