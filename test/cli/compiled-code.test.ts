import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CompiledCode, keepCompiledCode } from '../../src/cli/compiled-code.ts';
import { remove, scratch } from '../helpers/scratch.ts';

let home: string;
beforeEach(() => {
  home = scratch('home');
});
afterEach(() => remove(home));

/** The directories that node was told. */
function told(options: Partial<CompiledCode> = {}): string[] {
  const directories: string[] = [];
  keepCompiledCode({ version: '1.2.0', env: {}, home, enable: (directory) => directories.push(directory), ...options });
  return directories;
}
const usual = (): string => join(home, '.cache', 'tunnels', 'compiled', '1.2.0');

describe('compiled code is kept', () => {
  it('in ~/.cache, for nobody else to write in', () => {
    expect(told()).toEqual([usual()]);
    expect(lstatSync(usual()).mode & 0o777).toBe(0o700);
    expect(told()).toEqual([usual()]);
  });

  it('in XDG_CACHE_HOME, where that is an absolute path', () => {
    const own = join(home, 'own');
    mkdirSync(own);
    expect(told({ env: { XDG_CACHE_HOME: own } })).toEqual([join(own, 'tunnels', 'compiled', '1.2.0')]);
    expect(told({ env: { XDG_CACHE_HOME: 'own' } })).toEqual([usual()]);
  });

  it('of one version: a new one takes what others have left', () => {
    told({ version: '1.1.0' });
    told({ version: '1.1.1' });
    told();
    expect(readdirSync(dirname(usual()))).toEqual(['1.2.0']);
    mkdirSync(join(dirname(usual()), '1.3.0'));
    told();
    expect(readdirSync(dirname(usual()))).toEqual(['1.2.0', '1.3.0']);
  });
});

describe('it is not, and nothing is written', () => {
  it.each([
    ['where the user has named another place', { env: { NODE_COMPILE_CACHE: '/elsewhere' } }],
    ['where the user wants none', { env: { NODE_DISABLE_COMPILE_CACHE: '1' } }],
    ['by a node that cannot', { enable: null }],
    ['in a home of somebody else, as sudo leaves it', { uid: (process.geteuid?.() ?? 0) + 1 }],
    ['where XDG_CACHE_HOME is not there', { env: { XDG_CACHE_HOME: '/nowhere/at/all' } }],
  ])('%s', (_, options: Partial<CompiledCode>) => {
    expect([told(options), readdirSync(home)]).toEqual([[], []]);
  });
});

describe('it is not', () => {
  it('in a directory that others can write in', () => {
    told();
    chmodSync(dirname(usual()), 0o777);
    expect(told()).toEqual([]);
    chmodSync(dirname(usual()), 0o700);
    chmodSync(usual(), 0o770);
    expect(told()).toEqual([]);
  });

  it('behind a link', () => {
    told();
    renameSync(usual(), join(home, 'moved'));
    symlinkSync(join(home, 'moved'), usual());
    expect(told()).toEqual([]);
  });

  it('where something else is in its place, or there is no home, and nobody is told', () => {
    writeFileSync(join(home, '.cache'), '');
    expect(told()).toEqual([]);
    expect(told({ home: join(home, 'not-there') })).toEqual([]);
    expect(existsSync(join(home, 'not-there'))).toBe(false);
  });

  it('where node fails to, and nobody is told', () => {
    expect(() =>
      told({
        enable: () => {
          throw new Error('no');
        },
      }),
    ).not.toThrow();
  });
});
