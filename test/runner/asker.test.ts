import { expect, it } from 'vitest';
import { createAsker, nobody } from '../../src/runner/asker.ts';
import type { RunCommand } from '../../src/engine/command.ts';
import type { SecretSource } from '../../src/core/spec.ts';

const never = new AbortController().signal;
const prints: RunCommand = async ({ argv }) => ({
  how: { ended: 'exit', code: 0 },
  stdout: `printed by ${argv[0]}\n`,
  stderr: '',
  overflow: false,
});
const request = (source: SecretSource | null) =>
  ({ host: 'bastion', user: 'deploy', kind: 'password', prompt: 'Password: ', echo: false, keyFile: null, source }) as const;

it.each<[string, SecretSource | null, string | null]>([
  ['a variable', { env: 'PW' }, 'from env'],
  ['a variable that is not set', { env: 'NOPE' }, null],
  ['a command', { command: { argv: ['pass', 'show'], cwd: '/p', trusted: true } }, 'printed by pass'],
  ['a prompt', { prompt: true }, 'typed: Password: '],
  ['nothing said', null, 'typed: Password: '],
])('%s', async (_, source, expected) => {
  const asker = createAsker({ ...nobody, secret: async ({ prompt }) => `typed: ${prompt}` }, () => ({ PW: 'from env' }), prints);
  expect(await asker.secret(request(source), never)).toBe(expected);
});

it('the environment is read when it is asked for, so that a reload counts', async () => {
  let value = 'old';
  const asker = createAsker(nobody, () => ({ PW: value }), prints);
  value = 'new';
  expect(await asker.secret(request({ env: 'PW' }), never)).toBe('new');
});

it('nobody answers nothing', async () => {
  const asker = createAsker(nobody, () => ({}), prints);
  expect(await asker.hostKey({ host: 'b', address: 'b', algorithm: 'ssh-ed25519', fingerprint: 'SHA256:x' }, never)).toBeNull();
});
