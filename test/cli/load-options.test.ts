import { expect, it } from 'vitest';
import { resolveGlobals } from '../../src/cli/global-options.ts';
import { loadOptions } from '../../src/cli/load-options.ts';
import { FakeIo } from './fake-runner.ts';

it('leaves stdin alone when no file is -', async () => {
  const io = new FakeIo({ stdin: 'x' });
  expect(await loadOptions(io, resolveGlobals({}, {}))).toEqual({ cwd: '/p', files: [], profiles: [], envFiles: [], env: {} });
  expect(io.stdin.readableFlowing).toBeNull();
});

it('refuses a configuration on stdin that is none', async () => {
  const io = new FakeIo({ stdin: 'x'.repeat(4 * 1024 * 1024 + 1) });
  await expect(loadOptions(io, resolveGlobals({ file: ['-'] }, {}))).rejects.toThrow('larger than 4 MiB');
});

it.each([
  [{}, {}, 0],
  [{ verbose: 1 }, { verbose: 1 }, 2],
  [{ verbose: 3 }, { verbose: 2 }, 3],
])('-v on both sides of the command add up: %o %o', (before, after, verbosity) => {
  expect(resolveGlobals(before, after).verbosity).toBe(verbosity);
});
