import { expect, test } from 'vitest';
import { isFailureError, retryClass } from '../../src/core/failure.ts';
import { throwIfExhausted } from '../../src/ssh/exhausted.ts';
import { dialFailure } from '../../src/ssh/to-failure.ts';

const systemError = (code: string): Error => Object.assign(new Error(`${code}: something`), { code });

test.each(['EMFILE', 'ENFILE'])('%s passes: it is tried again, and says nothing of the file', (code) => {
  try {
    throwIfExhausted(systemError(code), 'read the key file /k');
    expect.unreachable();
  } catch (error) {
    if (!isFailureError(error)) throw error;
    expect(error.failure).toMatchObject({
      message: 'no file descriptor is left to read the key file /k',
      hint: expect.stringContaining('ulimit'),
    });
    expect(retryClass(error.failure.code)).toBe('backoff');
  }
});

test.each(['ENOENT', 'EACCES', 'EIO'])('%s is another matter', (code) => {
  expect(() => throwIfExhausted(systemError(code), 'read')).not.toThrow();
});

test('a dial without a descriptor is tried again, too', () => {
  const dialled = dialFailure(systemError('EMFILE'), '10.0.0.1:22');
  expect(retryClass(dialled.code)).toBe('backoff');
  expect(dialled.message).toBe('no file descriptor is left to connect to 10.0.0.1:22');
});
