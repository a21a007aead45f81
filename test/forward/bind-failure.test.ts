import { expect, test } from 'vitest';
import { tcp, unix } from '../../src/core/address.ts';
import { retryClass } from '../../src/core/failure.ts';
import { bindFailure } from '../../src/forward/bind-failure.ts';

test.each(['EMFILE', 'ENFILE'])('a bind that fails for want of a descriptor (%s) is tried again', async (code) => {
  const error = Object.assign(new Error(`listen ${code}: too many open files`), { code });
  const { failure } = await bindFailure(tcp('localhost', 8080), error, { onConflict: 'fail' });
  expect(failure).toMatchObject({
    message: 'no file descriptor is left to listen on localhost:8080',
    hint: expect.stringContaining('ulimit'),
  });
  expect(retryClass(failure.code)).toBe('backoff');
});

test.each([
  ['fail', tcp('localhost', 1), 'set `on_conflict: wait` or `next`'],
  ['wait', tcp('localhost', 1), 'it opens once that is free'],
  ['next', tcp('localhost', 1), 'the next ports are taken, too'],
  ['next', unix('/run/a.sock'), 'a path has no next one: it opens once that is free'],
  ['fail', unix('/run/a.sock'), 'choose another ingress, or set `on_conflict: wait`'],
] as const)('with on_conflict: %s the hint for a busy %j does not ask for what is set', async (onConflict, address, hint) => {
  const error = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' });
  const { failure } = await bindFailure(address, error, { onConflict });
  expect(failure.hint).toContain(hint);
  if (onConflict !== 'fail' && address.kind === 'tcp') expect(failure.hint).not.toContain('set `');
});
