import { expect, test } from 'vitest';
import { firstWords } from '../../src/daemon/spawn.ts';
import { RemoteQuestions, type ToParent } from '../../src/daemon/startup-channel.ts';

const SECRET = { host: 'bastion', prompt: 'Password:', echo: false };
const KEY = { host: 'bastion', address: '10.0.0.1', algorithm: 'ssh-ed25519', fingerprint: 'SHA256:x' };

function channel(isOpen = true): { readonly questions: RemoteQuestions; readonly sent: ToParent[] } {
  const sent: ToParent[] = [];
  return { sent, questions: new RemoteQuestions((message) => isOpen && sent.push(message) > 0) };
}

test('each answer goes to its question, in whatever order', async () => {
  const { questions, sent } = channel();
  const { signal } = new AbortController();
  const secret = questions.secret(SECRET, signal);
  const key = questions.hostKey(KEY, signal);
  expect(sent).toEqual([
    { type: 'question', id: 1, question: { kind: 'secret', ...SECRET } },
    { type: 'question', id: 2, question: { kind: 'hostKey', ...KEY } },
  ]);
  questions.answered(2, 'yes');
  questions.answered(1, 'hunter2');
  questions.answered(1, 'too late');
  questions.answered(7, 'never asked');
  expect(await Promise.all([secret, key])).toEqual(['hunter2', 'yes']);
});

test('a host key is only trusted by a plain yes', async () => {
  const { questions } = channel();
  const key = questions.hostKey(KEY, new AbortController().signal);
  questions.answered(1, 'maybe');
  expect(await key).toBeNull();
});

test('a question nobody waits for any more is withdrawn', async () => {
  const { questions, sent } = channel();
  const giveUp = new AbortController();
  const secret = questions.secret(SECRET, giveUp.signal);
  giveUp.abort();
  expect(await secret).toBeNull();
  expect(sent.at(-1)).toEqual({ type: 'withdrawn', id: 1 });
});

test('when the other end goes, or was never there, nobody answers', async () => {
  const { signal } = new AbortController();
  const { questions } = channel();
  const secret = questions.secret(SECRET, signal);
  questions.nobody();
  expect(await secret).toBeNull();
  expect(await channel(false).questions.secret(SECRET, signal)).toBeNull();
  expect(await channel().questions.secret(SECRET, AbortSignal.abort())).toBeNull();
});

test.each([
  { what: 'one line', stderr: 'cannot read the key\n', words: 'cannot read the key' },
  {
    what: "node's own words around an error",
    stderr:
      "node:internal/modules/cjs/loader:1215\n  throw err;\n  ^\n\nError: Cannot find module '/x'\n    at Module._load (node:x:1)\n\nNode.js v20.20.2\n",
    words: "Error: Cannot find module '/x'",
  },
  { what: 'a warning before it', stderr: '(node:1) Warning: x\nSyntaxError: bad\n    at y\n', words: 'SyntaxError: bad' },
  { what: 'nothing', stderr: '', words: '' },
])('the first words of $what', ({ stderr, words }) => expect(firstWords(stderr)).toBe(words));
