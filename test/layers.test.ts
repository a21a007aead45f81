import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkLayers, linesIn, MAX_LINES, median, type Rule, type Sources } from './helpers/layers.ts';

const ROOT = resolve(import.meta.dirname, '..');

function readSources(): Sources {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(files.map((file) => [relative(ROOT, file).split(sep).join('/'), readFileSync(file, 'utf8')]));
}

describe('the source tree', () => {
  const sources = readSources();

  test('keeps to its layers', () => {
    expect(checkLayers(sources).map(({ file, line, message }) => `${file}:${line} ${message}`)).toEqual([]);
  });

  test('has a median of under 100 lines a file', () => {
    const lengths = [...sources].filter(([file]) => !file.includes('/generated/')).map(([, text]) => linesIn(text));
    expect(lengths.length).toBeGreaterThan(0);
    expect(median(lengths)).toBeLessThan(100);
  });
});

/** Small trees that break one rule each; the file that breaks it is src/ROOM/a.ts unless `files` says otherwise. */
interface Case {
  readonly what: string;
  readonly rule: Rule;
  readonly files: Readonly<Record<string, string>>;
}

const OTHERS = {
  'src/core/b.ts': 'export const b = 1; export type B = 1;',
  'src/config/b.ts': 'export const b = 1; export type B = 1;',
  'src/ssh/b.ts': 'export const b = 1; export type B = 1;',
  'src/ssh/connection.ts': 'export const b = 1; export type B = 1;',
  'src/forward/b.ts': 'export const b = 1; export type B = 1;',
  'src/engine/b.ts': 'export const b = 1; export type B = 1;',
  'src/runner/b.ts': 'export const b = 1; export type B = 1;',
  'src/cli/b.ts': 'export const b = 1; export type B = 1;',
};

const BROKEN: readonly Case[] = [
  { what: 'core imports another room', rule: 'direction', files: { 'src/core/a.ts': `import { b } from '../ssh/b.ts'; b;` } },
  { what: 'core imports a type of another room', rule: 'direction', files: { 'src/core/a.ts': `import type { B } from '../ssh/b.ts';` } },
  { what: 'config imports ssh', rule: 'direction', files: { 'src/config/a.ts': `export { b } from '../ssh/b.ts';` } },
  { what: 'config exports all of ssh', rule: 'direction', files: { 'src/config/a.ts': `export * from '../ssh/b.ts';` } },
  { what: 'ssh imports config', rule: 'direction', files: { 'src/ssh/a.ts': `await import('../config/b.ts');` } },
  { what: 'cli names a type of engine', rule: 'direction', files: { 'src/cli/a.ts': `export type A = import('../engine/b.ts').B;` } },
  { what: 'cli requires forward', rule: 'direction', files: { 'src/cli/a.ts': `import b = require('../forward/b.ts'); b;` } },
  { what: 'runner imports ssh', rule: 'direction', files: { 'src/runner/a.ts': `import '../ssh/b.ts';` } },
  { what: 'main imports the engine', rule: 'direction', files: { 'src/main.ts': `import { b } from './engine/b.ts'; b;` } },
  {
    what: 'forward imports a value of ssh/connection',
    rule: 'direction',
    files: { 'src/forward/a.ts': `import { type B, b } from '../ssh/connection.ts';` },
  },
  {
    what: 'forward imports a type of another ssh file',
    rule: 'direction',
    files: { 'src/forward/a.ts': `import type { B } from '../ssh/b.ts';` },
  },
  { what: 'a room that is in no table', rule: 'direction', files: { 'src/lib/a.ts': 'export {};' } },
  { what: 'src imports a test', rule: 'direction', files: { 'src/cli/a.ts': `import '../../test/helpers/clock.ts';` } },
  { what: 'core imports a node module', rule: 'package', files: { 'src/core/a.ts': `import type { Socket } from 'node:net';` } },
  { what: 'core imports a package', rule: 'package', files: { 'src/core/a.ts': `import { parse } from 'yaml'; parse;` } },
  { what: 'engine imports ssh2', rule: 'package', files: { 'src/engine/a.ts': `import type { Client } from 'ssh2';` } },
  { what: 'demo imports a file of ssh2', rule: 'package', files: { 'src/demo/a.ts': `import 'ssh2/lib/server.js';` } },
  { what: 'core reads the clock', rule: 'global', files: { 'src/core/a.ts': 'export const now = () => Date.now();' } },
  { what: 'core makes a date of now', rule: 'global', files: { 'src/core/a.ts': 'export const now = () => new Date();' } },
  { what: 'core throws dice', rule: 'global', files: { 'src/core/a.ts': 'export const dice = Math.random;' } },
  { what: 'core sets a timer', rule: 'global', files: { 'src/core/a.ts': 'setTimeout(() => undefined, 1);' } },
  { what: 'core prints', rule: 'global', files: { 'src/core/a.ts': `console.log('x');` } },
  { what: 'core reads the environment', rule: 'global', files: { 'src/core/a.ts': 'export const { HOME } = process.env;' } },
  { what: 'the command line ends the process', rule: 'exit', files: { 'src/cli/a.ts': 'process.exit(1);' } },
  {
    what: 'the command line imports exit',
    rule: 'exit',
    files: { 'src/cli/a.ts': `import { exit as leave } from 'node:process'; leave(1);` },
  },
  {
    what: 'two files import each other',
    rule: 'cycle',
    files: { 'src/core/a.ts': `import './c.ts';`, 'src/core/c.ts': `import type {} from './a.ts';` },
  },
  {
    what: 'three files in a ring',
    rule: 'cycle',
    files: { 'src/core/a.ts': `import './c.ts';`, 'src/core/c.ts': `import './d.ts';`, 'src/core/d.ts': `import './a.ts';` },
  },
  { what: 'a file that imports itself', rule: 'cycle', files: { 'src/core/a.ts': `import './a.ts';` } },
  { what: 'a file named utils', rule: 'name', files: { 'src/cli/utils.ts': 'export {};' } },
  { what: 'a file named types', rule: 'name', files: { 'src/core/types.ts': 'export {};' } },
  { what: 'a file named for a manager', rule: 'name', files: { 'src/engine/session-manager.ts': 'export {};' } },
  { what: 'a file too long', rule: 'length', files: { 'src/cli/a.ts': '//\n'.repeat(MAX_LINES + 1) } },
  { what: 'an import of nothing', rule: 'unresolved', files: { 'src/cli/a.ts': `import './missing.ts';` } },
];

describe('the rules find', () => {
  test.each(BROKEN)('$what', ({ rule, files }) => {
    const found = checkLayers(new Map(Object.entries({ ...OTHERS, ...files })));
    expect(found.map((violation) => violation.rule)).toEqual([rule]);
    expect(Object.keys(files)).toContain(found[0]?.file);
  });
});

const ALLOWED: readonly { readonly what: string; readonly files: Readonly<Record<string, string>> }[] = [
  { what: 'types of ssh/connection in forward', files: { 'src/forward/a.ts': `import type { B } from '../ssh/connection.ts';` } },
  { what: 'the same with each name marked', files: { 'src/forward/a.ts': `import { type B } from '../ssh/connection.ts';` } },
  { what: 'ssh2 in ssh', files: { 'src/ssh/a.ts': `import { Client } from 'ssh2'; Client;` } },
  { what: 'core used by everyone', files: { 'src/cli/a.ts': `import { b } from '../core/b.ts'; b;` } },
  { what: 'process.exit in main', files: { 'src/main.ts': `import { b } from './cli/b.ts'; process.exit(b);` } },
  { what: 'process.exitCode anywhere', files: { 'src/cli/a.ts': 'process.exitCode = 1;' } },
  {
    what: 'a key and a parameter named like a global',
    files: { 'src/core/a.ts': 'export const f = (process: number) => ({ console: process });' },
  },
  {
    what: 'the exit of a process that is a parameter',
    files: { 'src/cli/a.ts': 'export const f = (process: { exit: number }) => process.exit;' },
  },
  {
    what: 'the exit of a process that is taken out of a parameter',
    files: { 'src/cli/a.ts': 'export function f({ process }: { process: { exit: number } }) { return () => process.exit; }' },
  },
  { what: 'a date of a given time in core', files: { 'src/core/a.ts': 'export const f = (at: number) => new Date(at).toISOString();' } },
  { what: 'the word types within a name', files: { 'src/core/event-types-of.ts': 'export {};' } },
  { what: 'a file as long as may be', files: { 'src/cli/a.ts': '//\n'.repeat(MAX_LINES) } },
];

test.each(ALLOWED)('the rules allow $what', ({ files }) => {
  expect(checkLayers(new Map(Object.entries({ ...OTHERS, ...files })))).toEqual([]);
});
