import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Uses } from '../../src/daemon/uses.ts';
import { hostSpec, project, tunnelSpec } from '../helpers/spec.ts';
import { PlayedRunner } from './played-runner.ts';

/** Of a command that is there all the time. */
const here = new AbortController().signal;
const USE = { names: ['web'], noDeps: false, profiles: [] };
let runner: PlayedRunner;
let unused: (number | null)[];
beforeEach(async () => {
  vi.useFakeTimers();
  runner = new PlayedRunner(project([hostSpec('bastion')], [tunnelSpec('web')]));
  await runner.apply();
  runner.calls.length = 0;
  unused = [];
});
afterEach(() => void vi.useRealTimers());

const usesFor = (first: string | null): Uses => new Uses({ runner, first, onUnused: async (drainMs) => void unused.push(drainMs) });

/** A connection that a command keeps open; `close` is its end. */
class Answer extends EventEmitter {
  isEnded = false;
  writeHead(): void {}
  flushHeaders(): void {}
  end(): void {
    this.isEnded = true;
    this.emit('close');
  }
}
function hold(uses: Uses, id: string): Answer {
  const answer = new Answer();
  uses.hold(id, answer as unknown as ServerResponse);
  return answer;
}

describe('of a project that is up anyway', () => {
  it('one is given back by its end, once', async () => {
    const uses = usesFor(null);
    await uses.begin('one', USE, here);
    const answer = hold(uses, 'one');
    expect(await uses.end('one', 500)).toBe(false);
    expect(answer.isEnded).toBe(true);
    expect(runner.calls).toEqual(['lend web', 'release 1 500']);
  });

  it('one is given back when its command has gone without a word', async () => {
    const uses = usesFor(null);
    await uses.begin('one', USE, here);
    hold(uses, 'one').emit('close');
    await vi.waitFor(() => expect(runner.calls).toEqual(['lend web', 'release 1 null']));
  });

  it('one that nobody comes to hold is given back after a while', async () => {
    const uses = usesFor(null);
    await uses.begin('one', USE, here);
    await uses.begin('two', USE, here);
    hold(uses, 'two');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(runner.calls).toEqual(['lend web', 'lend web', 'release 1 0']);
    expect(unused).toEqual([]);
  });

  it('one whose command goes while it is being lent is given back at once', async () => {
    const uses = usesFor(null);
    const command = new AbortController();
    const lending = uses.begin('one', USE, command.signal);
    command.abort();
    await lending;
    expect(runner.calls).toEqual(['lend web', 'release 1 0']);
    expect(() => hold(uses, 'one')).toThrow('there is no such use');
    await uses.begin('two', USE, command.signal);
    expect(() => hold(uses, 'two')).toThrow('there is no such use');
  });

  it('a second end with 0 hurries the first; without it there is nothing to do', async () => {
    const uses = usesFor(null);
    await uses.begin('one', USE, here);
    runner.draining = new Promise((resolve) => (runner.hurried = resolve));
    const patient = uses.end('one', null);
    await uses.end('one', null);
    await uses.end('one', 0);
    await patient;
    expect(runner.calls).toEqual(['lend web', 'release 1 null', 'release 1 0']);
  });

  it('one whose file is not valid is none', async () => {
    const uses = usesFor(null);
    runner.failure = { diagnostics: [], watch: [], sources: new Map() };
    expect(await uses.begin('one', USE, here)).toMatchObject({ result: { applied: false } });
    expect(() => hold(uses, 'one')).toThrow('there is no such use');
  });
});

describe('of a project that is up for them alone', () => {
  it('goes down with the last of them', async () => {
    const uses = usesFor('first');
    hold(uses, 'first');
    await uses.begin('second', USE, here);
    const second = hold(uses, 'second');
    expect(await uses.end('first', 100)).toBe(false);
    expect(unused).toEqual([]);
    second.emit('close');
    await vi.waitFor(() => expect(unused).toEqual([null]));
  });

  it('goes down when the one it was started for never comes', async () => {
    usesFor('first');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(unused).toEqual([0]);
  });

  it('goes down at once when the one it was started for has gone before it could hold it', async () => {
    const held = usesFor('first');
    hold(held, 'first');
    await held.abandon();
    expect(unused).toEqual([]);
    await usesFor('first').abandon();
    expect(unused).toEqual([0]);
    await usesFor(null).abandon();
    expect(unused).toEqual([0]);
  });

  it('one that just asks keeps it', async () => {
    const uses = usesFor('first');
    hold(uses, 'first');
    const asking = uses.begin('second', USE, here);
    await uses.end('first', null);
    await asking;
    expect(unused).toEqual([]);
  });

  it('an up that has asked for it keeps it', async () => {
    const uses = usesFor('first');
    hold(uses, 'first');
    uses.keep();
    expect(await uses.end('first', null)).toBe(false);
    expect(unused).toEqual([]);
  });
});
