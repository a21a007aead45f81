import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { codeFrame } from '../../src/config/code-frame.ts';
import { loadIn } from './loading.ts';

const CORPUS = join(import.meta.dirname, '..', 'corpus');

/** What the variables of the corpus hold. */
const ENV = {
  EMPTY: '',
  SECRET: 'hunter2',
  MAP: '{interval: 1s}',
  INJECTION: 'deploy\nport: 2222',
  WORDS: 'bastion.example.com -R 9000:localhost:9000',
  OPTION: '-g',
  NOT_A_PORT: 'ssh',
  PORT: '8080',
  TARGET: 'web',
};

/** `# expect: CODE LINE, CODE LINE` on the first line. */
const expectedIn = (text: string, word: string): string[] => {
  const list = new RegExp(`^# ${word}: (.*?)\\r?$`, 'm').exec(text)?.[1] ?? '';
  return list === '' ? [] : list.split(', ');
};

describe('every bad configuration of the corpus is refused at its place', () => {
  const files = readdirSync(join(CORPUS, 'bad')).filter((name) => name.endsWith('.yaml'));

  test('there are many', () => {
    expect(files.length).toBeGreaterThanOrEqual(200);
  });

  test.each(files)('%s', async (name) => {
    const directory = join(CORPUS, 'bad');
    const expected = expectedIn(readFileSync(join(directory, name), 'utf8'), 'expect');
    expect(expected).not.toEqual([]);
    const { errors, messages, failure } = await loadIn(directory, { files: [name], env: ENV });
    // With the words of the messages, which explain a difference.
    expect([errors, messages]).toEqual([expected, messages]);
    for (const { range } of failure?.diagnostics ?? []) {
      expect(codeFrame(failure?.sources.get(range?.file ?? '') ?? '', range as NonNullable<typeof range>)).toContain('^');
    }
    expect(messages.join('\n')).not.toContain('hunter2');
  });
});

describe('configurations of several files are refused at their places', () => {
  const directories = readdirSync(join(CORPUS, 'bad'), { withFileTypes: true }).filter((entry) => entry.isDirectory());

  test.each(directories.map((entry) => entry.name))('%s', async (name) => {
    const directory = join(CORPUS, 'bad', name);
    const expected = expectedIn(readFileSync(join(directory, 'tunnels.yaml'), 'utf8'), 'expect');
    const { diagnostics, messages } = await loadIn(directory, { env: ENV });
    const found = diagnostics.map(({ code, range }) => `${code} ${range?.file ?? '-'}:${range?.start.line ?? 0}`);
    expect([found, messages]).toEqual([expected, messages]);
  });
});

describe('every good configuration of the corpus loads', () => {
  const files = readdirSync(join(CORPUS, 'good')).filter((name) => name.endsWith('.yaml'));

  test.each(files)('%s', async (name) => {
    const directory = join(CORPUS, 'good');
    const expected = expectedIn(readFileSync(join(directory, name), 'utf8'), 'warns');
    const { loaded, diagnostics, messages } = await loadIn(directory, { files: [name], env: ENV });
    expect([loaded === null, messages]).toEqual([false, messages]);
    expect(diagnostics.map(({ code, range }) => `${code} ${range?.start.line ?? 0}`)).toEqual(expected);
  });
});
