import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchFiles, type FileWatch, type IsWhole } from '../../src/runner/watch.ts';
import { liveScratch, remove, scratch } from '../helpers/scratch.ts';
import { sleep, until } from '../helpers/wait.ts';

let directory: string;
let main: string;
let watch: FileWatch;
let changes: number;
let onChange: () => Promise<void>;
/** What is done with a change before it is known whether it is whole. */
let onFound: () => Promise<void>;
let answers: boolean[];

const told = async (isWhole: IsWhole): Promise<void> => {
  await onFound();
  const whole = await isWhole();
  if (whole) await onChange();
  answers.push(whole);
};

const start = async (files: readonly string[] = [main]): Promise<void> => {
  watch = await watchFiles(told);
  await watch.follow(files, Date.now() + 60_000);
};

const changed = (times: number): Promise<true> => until(() => changes >= times, { what: `${times} changes`, every: 2 });

const saveAtomically = async (path: string, text: string): Promise<void> => {
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
};

beforeEach(async () => {
  // A glance notices what an event should have told, and no test but its own is to pass by that.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  directory = scratch('watch');
  main = join(directory, 'tunnels.yaml');
  await writeFile(main, 'one');
  changes = 0;
  answers = [];
  onChange = async () => {
    changes += 1;
  };
  onFound = () => Promise.resolve();
});

afterEach(async () => {
  await watch.close();
  vi.useRealTimers();
  for (const each of liveScratch()) remove(each);
});

describe('a change is told, however it is saved', () => {
  it.each<[string, () => Promise<void>]>([
    ['written in place', () => writeFile(main, 'two')],
    ['an atomic save', () => saveAtomically(main, 'two')],
    [
      'moved away and written anew',
      async () => {
        await rename(main, `${main}~`);
        await writeFile(main, 'two');
      },
    ],
    ['removed', () => rm(main)],
  ])('%s', async (_, save) => {
    await start();
    await save();
    await changed(1);
  });

  it('a file that did not exist appears', async () => {
    await start([main, join(directory, '.env')]);
    await writeFile(join(directory, '.env'), 'A=1');
    await changed(1);
  });

  it('a symlink is swapped', async () => {
    const link = join(directory, 'link.yaml');
    await writeFile(join(directory, 'other.yaml'), 'two');
    await symlink('tunnels.yaml', link);
    await start([link]);
    await symlink('other.yaml', `${link}.new`);
    await rename(`${link}.new`, link);
    await changed(1);
  });

  it('a symlinked directory is swapped, as a mounted config map does it', async () => {
    for (const version of ['v1', 'v2']) {
      await mkdir(join(directory, version));
      await writeFile(join(directory, version, 'tunnels.yaml'), version);
    }
    await symlink('v1', join(directory, '..data'));
    const link = join(directory, 'mounted.yaml');
    await symlink('..data/tunnels.yaml', link);
    await start([link]);
    await symlink('v2', join(directory, '..data.new'));
    await rename(join(directory, '..data.new'), join(directory, '..data'));
    await changed(1);
  });

  it('the file behind a link is written', async () => {
    const elsewhere = scratch('watch-target');
    await writeFile(join(elsewhere, 'real.yaml'), 'one');
    const link = join(directory, 'link.yaml');
    await symlink(join(elsewhere, 'real.yaml'), link);
    await start([link]);
    await saveAtomically(join(elsewhere, 'real.yaml'), 'two');
    await changed(1);
  });
});

it('a change that the system does not tell of is noticed after two seconds', async () => {
  const silent = Object.assign(new EventEmitter(), { add: () => undefined, close: () => Promise.resolve() });
  vi.doMock('chokidar', () => ({ watch: () => silent }));
  try {
    watch = await watchFiles(told);
  } finally {
    vi.doUnmock('chokidar');
  }
  const following = watch.follow([main], Date.now() + 60_000);
  await until(() => silent.listenerCount('ready') > 0, { what: 'the watch to be asked for' });
  silent.emit('error', new Error('ENOSPC: System limit for number of file watchers reached'));
  silent.emit('ready');
  await following;
  // Longer than after an event.
  await sleep(150);
  await saveAtomically(main, 'two');
  await vi.advanceTimersByTimeAsync(1_999);
  await sleep(150);
  expect(changes).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  await changed(1);
  await saveAtomically(main, 'three');
  await vi.advanceTimersByTimeAsync(2_000);
  await changed(2);
  await watch.close();
  expect(vi.getTimerCount()).toBe(0);
});

it('the same contents saved again are no change', async () => {
  await start();
  await saveAtomically(main, 'one');
  await writeFile(join(directory, 'unrelated'), 'x');
  await saveAtomically(main, 'two');
  await changed(1);
  expect(changes).toBe(1);
});

it('saves in quick succession end in the last one', async () => {
  let last = '';
  onChange = async () => {
    changes += 1;
    last = await readFile(main, 'utf8');
  };
  await start();
  for (let save = 1; save <= 50; save += 1) await saveAtomically(main, `save ${save}`);
  await until(() => last === 'save 50', { what: 'the last save' });
});

it('each of 50 saves is told within 500 ms', async () => {
  await start();
  let slowest = 0;
  for (let save = 1; save <= 50; save += 1) {
    const before = performance.now();
    await saveAtomically(main, `save ${save}`);
    await changed(save);
    slowest = Math.max(slowest, performance.now() - before);
  }
  expect(changes).toBe(50);
  expect(slowest).toBeLessThan(500);
});

it('a save right after the one before was told is told, too', async () => {
  onChange = async () => {
    changes += 1;
    if (changes < 30) await writeFile(main, `save ${changes}`);
  };
  await start();
  await writeFile(main, 'two');
  await changed(30);
});

it('a file that is saved while it is read, and then again as it was, is read again', async () => {
  let last = '';
  onChange = async () => {
    changes += 1;
    if (changes === 1) await saveAtomically(main, 'something else');
    last = await readFile(main, 'utf8');
    if (changes === 1) await saveAtomically(main, 'two');
  };
  await start();
  await saveAtomically(main, 'two');
  await until(() => last === 'two', { what: 'what the file says to be read', detail: () => last });
});

it('a save while the files are looked at again is told, whenever in that it comes', async () => {
  // So large that looking takes longer than the steps between the saves.
  const large = join(directory, 'large');
  await writeFile(large, Buffer.alloc(24 * 1024 * 1024));
  await start([main, large]);
  for (let save = 1; save <= 12; save += 1) {
    await writeFile(join(directory, 'unrelated~'), `${save}`);
    await sleep(15 * save);
    // chokidar tells nothing of a name like this, and so nothing more of the save afterwards.
    await writeFile(`${main}~`, `save ${save}`);
    await rename(`${main}~`, main);
    await changed(save);
  }
});

describe('what is read before it is known to be whole', () => {
  const read: string[] = [];
  const affirmed: string[] = [];
  beforeEach(() => {
    read.length = 0;
    affirmed.length = 0;
    onFound = async () => void read.push(await readFile(main, 'utf8'));
    onChange = async () => void affirmed.push(read.at(-1) ?? '');
  });

  const two = (): Promise<void> => saveAtomically(main, 'two');
  it.each([
    {
      what: 'counts only if it was all of the save',
      before: async () => undefined,
      after: () => writeFile(main, 'two, and the rest'),
      reads: ['two', 'two, and the rest'],
    },
    {
      what: 'is read again where it was something else in between, and then as before',
      before: () => saveAtomically(main, 'something else'),
      after: two,
      reads: ['something else', 'two'],
    },
  ])('$what', async ({ before, after, reads }) => {
    onFound = async () => {
      const isFirst = read.length === 0;
      if (isFirst) await before();
      read.push(await readFile(main, 'utf8'));
      if (isFirst) await after();
    };
    await start();
    await two();
    await until(() => affirmed.length > 0, { what: 'the change' });
    expect(read).toEqual(reads);
    expect(affirmed).toEqual(reads.slice(-1));
  });

  it('counts after a while where the file never stops changing', async () => {
    onFound = async () => {
      await writeFile(main, `save ${read.length}`);
      read.push(await readFile(main, 'utf8'));
      await writeFile(main, `and ${read.length}`);
    };
    await start();
    const from = performance.now();
    await writeFile(main, 'two');
    await until(() => affirmed.length > 0, { what: 'the change' });
    expect(performance.now() - from).toBeGreaterThan(300);
    expect(read.length).toBeGreaterThan(1);
  });

  it('has no effect once nobody watches any more', async () => {
    const closing: Promise<void>[] = [];
    onFound = async () => {
      read.push(await readFile(main, 'utf8'));
      closing.push(watch.close());
    };
    await start();
    await writeFile(main, 'two');
    await until(() => answers.length > 0, { what: 'the answer' });
    await Promise.all(closing);
    expect(answers).toEqual([false]);
    expect(affirmed).toEqual([]);
  });
});

it('a file that changed between being read and being followed is told', async () => {
  watch = await watchFiles(told);
  await watch.follow([main], Date.now() - 60_000);
  await changed(1);
});
