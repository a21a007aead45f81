import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import { endText } from '../../src/engine/command.ts';
import { runLocalCommand } from '../../src/engine/local-command.ts';

/** What Node gives out of file descriptors: a child without pid and without streams, and an error a moment later. */
vi.mock('node:child_process', () => ({
  spawn: () => {
    const child = new EventEmitter();
    process.nextTick(() => child.emit('error', Object.assign(new Error('spawn true EMFILE'), { code: 'EMFILE' })));
    return child;
  },
}));

it('out of file descriptors is told as that', async () => {
  const end = await runLocalCommand({ argv: ['true'], cwd: '/', env: {}, keep: 'end', signal: new AbortController().signal });
  expect(endText(end)).toBe('could not be started: this process has no file descriptor left');
});
