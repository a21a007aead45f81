import { expect, test } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { retryClass } from '../../src/core/failure.ts';
import { bindFailure } from '../../src/forward/bind-failure.ts';

test.each(['EMFILE', 'ENFILE'])('a bind that fails for want of a descriptor (%s) is tried again', async (code) => {
  const error = Object.assign(new Error(`listen ${code}: too many open files`), { code });
  const { failure } = await bindFailure(tcp('localhost', 8080), error);
  expect(failure).toMatchObject({
    message: 'no file descriptor is left to listen on localhost:8080',
    hint: expect.stringContaining('ulimit'),
  });
  expect(retryClass(failure.code)).toBe('backoff');
});
