/**
 * From schema/tunnels.schema.json to src/config/generated: the validator (ajv's standalone code, so that neither ajv nor the schema
 * is loaded at start), what the schema says of each key (for messages), and the TypeScript types of the file.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, 'src', 'config', 'generated');
const schemaText = readFileSync(join(root, 'schema', 'tunnels.schema.json'), 'utf8');
const FILES = ['validate.ts', 'shape.ts', 'file.ts'];

const stamp = createHash('sha256')
  .update(schemaText)
  .update(readFileSync(fileURLToPath(import.meta.url)))
  .digest('hex');
const stampFile = join(out, 'stamp');

const isCurrent = () =>
  existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp && FILES.every((name) => existsSync(join(out, name)));

/** Atomically: tests and servers may be reading the old one. */
function write(name, text) {
  const path = join(out, name);
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}

async function validator(schema) {
  const { Ajv2020 } = await import('ajv/dist/2020.js');
  const { default: standaloneCode } = await import('ajv/dist/standalone/index.js');
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    strictTypes: false,
    // Lengths are bounds on size here, so UTF-16 units do: the code then needs nothing of ajv's run time.
    unicode: false,
    messages: false,
    logger: false,
    code: { source: true, esm: true, lines: false },
  });
  const code = standaloneCode(ajv, ajv.compile(without(['title', 'description', 'examples', 'default'], schema)));
  if (/\brequire\(/.test(code)) throw new Error('the generated validator imports something: avoid the keyword of the schema that needs it');
  // The code is ajv's and knows no types; what is exported has one.
  const typed = code.replace(/export const validate = (\w+);export default \w+;/, 'export const validate: Validate = $1;');
  if (typed === code) throw new Error('the generated validator exports something else than it did');
  return `// @ts-nocheck Generated from schema/tunnels.schema.json by scripts/generate.mjs.\n${VALIDATE_TYPES}${typed}\n`;
}

/** What a message or a conversion needs to know of each key. */
function shapeOf(schema, defs) {
  if (schema === true || schema === false) return {};
  const base = schema.$ref ? shapeOf(defs[schema.$ref.replace('#/$defs/', '')], defs) : {};
  const shape = { ...base };
  if (schema.title) shape.expects = schema.title;
  if (schema.type) shape.types = [schema.type].flat();
  if (schema.enum) shape.choices = schema.enum;
  if (schema.properties) {
    shape.keys = { ...base.keys };
    for (const [key, value] of Object.entries(schema.properties)) {
      if (value === false) delete shape.keys[key];
      else shape.keys[key] = shapeOf(value, defs);
    }
  }
  if (schema.items) shape.items = shapeOf(schema.items, defs);
  if (typeof schema.additionalProperties === 'object') shape.others = shapeOf(schema.additionalProperties, defs);
  if (schema.propertyNames?.title) shape.names = schema.propertyNames.title;
  return shape;
}

/** Titles are phrases for messages: json-schema-to-typescript would make type names of them, and ajv's code would carry the prose. */
function without(dropped, value) {
  if (Array.isArray(value)) return value.map((inner) => without(dropped, inner));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      // A map that is named like an annotation (a property `title`) is no annotation.
      .filter(
        ([key, inner]) => !dropped.includes(key) || (typeof inner === 'object' && !Array.isArray(inner) && key !== 'patternProperties'),
      )
      .map(([key, inner]) => [key, without(dropped, inner)]),
  );
}

async function types(schema) {
  const { compile } = await import('json-schema-to-typescript');
  // Without the x- keys, which would give every type an index signature.
  const plain = without(['title', 'examples', 'patternProperties'], schema);
  // What the defaults leave out is `false` beside a $ref, which the types cannot say.
  for (const narrowed of [plain.$defs.tunnelDefaults, plain.properties.defaults.properties.host]) delete narrowed.properties;
  return compile(plain, 'TunnelsFile', {
    additionalProperties: false,
    bannerComment: '/** Generated from schema/tunnels.schema.json by scripts/generate.mjs: what a tunnels.yaml holds. */',
    ignoreMinAndMaxItems: true,
    format: false,
  });
}

const VALIDATE_TYPES = `
export interface SchemaError {
  readonly keyword: string;
  /** JSON pointer (RFC 6901). */
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Set where the name of a key was checked, not a value. */
  readonly propertyName?: string;
}

export interface Validate {
  (data: unknown): boolean;
  errors?: readonly SchemaError[] | null;
}
`;

const SHAPE_TYPES = `/** Generated from schema/tunnels.schema.json by scripts/generate.mjs: what the schema says of one place of the file. */
export interface Shape {
  /** As in \`must be \${expects}\`. */
  readonly expects?: string;
  readonly types?: readonly string[];
  readonly choices?: readonly string[];
  readonly keys?: Readonly<Record<string, Shape>>;
  readonly others?: Shape;
  readonly items?: Shape;
  /** What the keys of the map must be. */
  readonly names?: string;
}

`;

if (!isCurrent() || process.argv.includes('--force')) {
  const schema = JSON.parse(schemaText);
  mkdirSync(out, { recursive: true });
  write('validate.ts', await validator(schema));
  write('shape.ts', `${SHAPE_TYPES}export const shape: Shape = ${JSON.stringify(shapeOf(schema, schema.$defs))};\n`);
  write('file.ts', await types(schema));
  write('stamp', stamp);
}
