import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { loadIn } from './loading.ts';

const ROOT = join(import.meta.dirname, '..', '..');

interface Schema {
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly type?: unknown;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema | false>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

const schema = JSON.parse(readFileSync(join(ROOT, 'schema', 'tunnels.schema.json'), 'utf8')) as Schema;

/** Every place a value may stand, by the way that leads to it. */
function places(at: Schema, path: string): [string, Schema][] {
  const inner: [string, Schema][] = [];
  for (const [key, value] of Object.entries(at.properties ?? {})) if (value !== false) inner.push([`${path}.${key}`, value]);
  for (const [key, value] of Object.entries(at.patternProperties ?? {})) inner.push([`${path}.${key}`, value]);
  if (typeof at.additionalProperties === 'object') inner.push([`${path}.*`, at.additionalProperties]);
  if (at.items) inner.push([`${path}[]`, at.items]);
  return inner.flatMap(([way, value]) => [[way, value] as [string, Schema], ...places(value, way)]);
}

const all = [
  ...places(schema, ''),
  ...Object.entries(schema.$defs ?? {}).flatMap(([name, value]) => [[`#${name}`, value] as [string, Schema], ...places(value, `#${name}`)]),
];
const resolved = (value: Schema): Schema =>
  value.$ref ? { ...resolved(schema.$defs?.[value.$ref.replace('#/$defs/', '')] ?? {}), ...value } : value;

describe('an editor can explain every key', () => {
  test.each(all.filter(([, value]) => !value.$ref || value.description))(
    '%s has a description, examples and words for messages',
    (path, value) => {
      expect(value.description).toMatch(/\.$/);
      expect(value.examples?.length).toBeGreaterThan(0);
      if (!path.endsWith('.^x-')) expect(resolved(value).title).toBeTruthy();
    },
  );

  test('and its examples and defaults are valid', () => {
    const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true });
    ajv.addSchema(schema, 'file');
    for (const [path, value] of all) {
      const check = ajv.compile({ ...value, $defs: schema.$defs });
      for (const example of [...(value.examples ?? []), ...('default' in value ? [value.default] : [])]) {
        expect([path, example, check(example), check.errors]).toEqual([path, example, true, null]);
      }
    }
  });

  test('references lead somewhere', () => {
    for (const [, value] of all) if (value.$ref) expect(Object.keys(schema.$defs ?? {})).toContain(value.$ref.replace('#/$defs/', ''));
  });
});

describe('tunnels.example.yaml', () => {
  const text = readFileSync(join(ROOT, 'tunnels.example.yaml'), 'utf8');

  test('is valid, all of it that is not commented out', async () => {
    const { loaded, messages } = await loadIn(ROOT, { files: ['tunnels.example.yaml'], profiles: ['*'] });
    expect(messages).toEqual([]);
    expect(loaded?.project.tunnels.size).toBe(8);
  });

  const keys = [...new Set(all.map(([path]) => /\.([a-z_]+)$/.exec(path)?.[1]).filter((key) => key !== undefined))];

  test.each(keys)('shows the key %s', (key) => {
    expect(text).toMatch(new RegExp(`(?:^|[\\s{,#])${key}:`, 'm'));
  });
});
