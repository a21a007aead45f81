import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TunnelsEvent } from '../../src/core/event.ts';
import { EventRing } from '../../src/daemon/event-ring.ts';
import { Journal } from '../../src/daemon/journal.ts';
import { journalPaths, realDisk, type JournalDisk } from '../../src/daemon/journal-file.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { sleep } from '../helpers/wait.ts';

let folder = '';
beforeEach(() => {
  folder = scratch('journal');
});
afterEach(() => remove(folder));

const event = (message: string, at = 1): TunnelsEvent => ({
  seq: 1,
  at,
  subject: { kind: 'tunnel', name: 'web' },
  type: 'warning',
  message,
  hint: null,
});

function messages(journal: Journal): string[] {
  const found: string[] = [];
  for (let seq = journal.entries.firstSeq; seq < journal.entries.nextSeq; seq += 1) {
    const entry = JSON.parse(journal.entries.at(seq)?.line ?? 'null') as { readonly seq: number; readonly message: string };
    expect(entry.seq).toBe(seq);
    found.push(entry.message);
  }
  return found;
}

const line = (text: string): string => JSON.stringify({ text });
const facts = { at: 7, name: 'web', type: 'x' };
const lineAt = (ring: EventRing, seq: number): string | undefined => ring.at(seq)?.line;

describe('the ring', () => {
  test('keeps the last of what fits, and knows which those are', () => {
    const ten = 10 * (line('0123').length + 1);
    const ring = new EventRing(ten);
    for (let seq = 1; seq <= 5_000; seq += 1) ring.push(line(String(seq).padStart(4, '0')), facts);
    expect([ring.firstSeq, ring.nextSeq]).toEqual([4_991, 5_001]);
    expect([ring.at(4_990), ring.at(5_001)]).toEqual([undefined, undefined]);
    expect([lineAt(ring, 4_991), lineAt(ring, 5_000)]).toEqual([`${line('4991')}\n`, `${line('5000')}\n`]);
  });

  test('keeps the last one however large it is', () => {
    const ring = new EventRing(4);
    ring.push(line('abc'), facts);
    ring.push(line('a'.repeat(100_000)), facts);
    expect([ring.firstSeq, ring.nextSeq, lineAt(ring, 2)]).toEqual([2, 3, `${line('a'.repeat(100_000))}\n`]);
  });

  test('gives every line as it came, of whatever size and letters, while it grows and goes round', () => {
    const most = 300_000;
    const ring = new EventRing(most);
    const pushed: string[] = [];
    for (let seq = 1; seq <= 3_000; seq += 1) {
      const each = line('ü€😀x'.repeat((seq * 7) % 61));
      pushed.push(`${each}\n`);
      ring.push(each, { ...facts, at: seq, name: seq % 3 === 0 ? null : `n${seq % 7}` });
      if (seq % 211 !== 0) continue;
      const kept = pushed.slice(ring.firstSeq - 1);
      for (const known of [ring.firstSeq, ring.firstSeq + (kept.length >> 1), seq])
        expect(ring.at(known)).toMatchObject({ seq: known, at: known, name: known % 3 === 0 ? null : `n${known % 7}`, type: 'x' });
      expect(kept.map((_, index) => lineAt(ring, ring.firstSeq + index))).toEqual(kept);
      const bytes = (lines: readonly string[]): number => Buffer.byteLength(lines.join(''));
      expect(bytes(kept)).toBeLessThanOrEqual(most);
      expect(ring.lines(seq - 2).toString()).toBe(pushed.slice(-3).join(''));
      // The one before would not have fitted.
      if (ring.firstSeq > 1) expect(bytes(pushed.slice(ring.firstSeq - 2))).toBeGreaterThan(most);
    }
    expect(ring.firstSeq).toBeGreaterThan(1_000);
  });
});

describe('the journal', () => {
  test('goes on where an earlier process ended, with its numbers', async () => {
    const before = await Journal.open({ folder });
    before.add(event('one'));
    before.add(event('two'));
    await before.flush();
    const after = await Journal.open({ folder });
    after.add(event('three'));
    expect(messages(after)).toEqual(['one', 'two', 'three']);
    await after.flush();
    expect(statSync(journalPaths(folder).now).mode & 0o777).toBe(0o600);
  });

  test('skips what a killed process has cut off in the middle, and what is no event', async () => {
    const good = JSON.stringify(event('good'));
    writeFileSync(journalPaths(folder).now, `null\n[]\n{"type":"x"}\n${good}\n${good.slice(0, 20)}`);
    expect(messages(await Journal.open({ folder }))).toEqual(['good']);
  });

  test('never takes more than twice its size on disk, and has the newest', async () => {
    const maxFileBytes = 2_000;
    const journal = await Journal.open({ folder, maxFileBytes });
    for (let round = 0; round < 40; round += 1) {
      for (let each = 0; each < 5; each += 1) journal.add(event(`${round}.${each}`));
      await journal.flush();
      const { now, before } = journalPaths(folder);
      expect(statSync(now).size).toBeLessThanOrEqual(maxFileBytes);
      if (existsSync(before)) expect(statSync(before).size).toBeLessThanOrEqual(maxFileBytes);
    }
    const again = messages(await Journal.open({ folder, maxFileBytes }));
    expect(again.at(-1)).toBe('39.4');
    expect(again.length).toBeGreaterThan(10);
  });

  test('cuts a burst larger than a file at a line', async () => {
    const journal = await Journal.open({ folder, maxFileBytes: 2_000 });
    for (let each = 0; each < 200; each += 1) journal.add(event(`${each}`));
    await journal.flush();
    const lines = readFileSync(journalPaths(folder).now, 'utf8').split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => (JSON.parse(line) as { message: string }).message).at(-1)).toBe('199');
  });

  test('leaves nothing when it is removed', async () => {
    const journal = await Journal.open({ folder, maxFileBytes: 500 });
    for (let each = 0; each < 20; each += 1) {
      journal.add(event(`${each}`));
      await journal.flush();
    }
    journal.add(event('not written yet'));
    await journal.remove();
    expect(Object.values(journalPaths(folder)).filter((path) => existsSync(path))).toEqual([]);
  });
});

describe('a journal that moves', () => {
  /** One line was written in its folder and another was not, when it left; a third came then. */
  async function moved(): Promise<Journal> {
    const journal = await Journal.open({ folder });
    journal.add(event('one'));
    await journal.flush();
    journal.add(event('two'));
    journal.moveTo(null);
    journal.add(event('three'));
    return journal;
  }
  /** Longer than a batch waits. */
  const batch = (): Promise<void> => sleep(300);

  test('has each line once, where it comes back to the folder it left', async () => {
    const journal = await moved();
    journal.moveTo(folder);
    journal.add(event('four'));
    await batch();
    await journal.flush();
    expect(messages(await Journal.open({ folder }))).toEqual(['one', 'two', 'three', 'four']);
  });

  test('writes nothing more where it was', async () => {
    const journal = await moved();
    await batch();
    expect(messages(await Journal.open({ folder }))).toEqual(['one']);
    expect(messages(journal)).toEqual(['one', 'two', 'three']);
  });
});

describe('a disk that fails', () => {
  const failing = (code: string, state: { broken: boolean; writes: number }): JournalDisk => ({
    ...realDisk,
    append: async (path, text) => {
      state.writes += 1;
      if (state.broken) throw Object.assign(new Error(code), { code });
      await realDisk.append(path, text);
    },
  });

  test.each(['ENOSPC', 'EROFS', 'EACCES', 'EDQUOT', 'EIO'])('with %s is one warning, and everything is still in memory', async (code) => {
    const state = { broken: true, writes: 0 };
    const warnings: string[] = [];
    const disk = failing(code, state);
    const journal = await Journal.open({ folder, disk, onWarning: ({ message }) => void warnings.push(message) });
    for (const message of ['one', 'two', 'three']) {
      journal.add(event(message));
      await journal.flush();
    }
    expect(warnings).toEqual([expect.stringMatching(new RegExp(`${folder}.*\\(${code}\\)`))]);
    expect(messages(journal)).toEqual(['one', warnings[0], 'two', 'three']);
    // It is left alone for a while, not tried at each event.
    expect(state.writes).toBe(1);
  });

  test('that is a directory we cannot write in: no crash', async () => {
    mkdirSync(join(folder, 'events.ndjson'));
    const warnings: string[] = [];
    const journal = await Journal.open({ folder, onWarning: ({ message }) => void warnings.push(message) });
    journal.add(event('one'));
    await journal.flush();
    expect(warnings).toEqual([expect.stringContaining('EISDIR')]);
  });
});
