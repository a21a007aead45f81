import { expect, it } from 'vitest';
import { progressKind } from '../../../src/cli/progress/choose.ts';

const write = (): boolean => true;
const terminal = { isTTY: true, columns: 80, write };
const auto = { progress: 'auto', verbosity: 0 } as const;

it.each([
  ['a terminal', { stderr: terminal, env: {} }, auto, 'tty'],
  ['a pipe', { stderr: { write }, env: {} }, auto, 'plain'],
  ['CI', { stderr: terminal, env: { CI: 'true' } }, auto, 'plain'],
  ['CI=false', { stderr: terminal, env: { CI: 'false' } }, auto, 'tty'],
  ['a dumb terminal', { stderr: terminal, env: { TERM: 'dumb' } }, auto, 'plain'],
  ['a terminal without columns', { stderr: { ...terminal, columns: 0 }, env: {} }, auto, 'plain'],
  ['-v, whose lines would break the frame', { stderr: terminal, env: {} }, { progress: 'auto', verbosity: 1 }, 'plain'],
  ['--progress tty', { stderr: { write }, env: { CI: '1' } }, { progress: 'tty', verbosity: 0 }, 'tty'],
  ['--progress json', { stderr: terminal, env: {} }, { progress: 'json', verbosity: 0 }, 'json'],
  ['--progress quiet', { stderr: terminal, env: {} }, { progress: 'quiet', verbosity: 3 }, 'quiet'],
] as const)('progress on %s', (_, io, globals, kind) => {
  expect(progressKind(io, globals)).toBe(kind);
});
