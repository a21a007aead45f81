/** The schema's verdict, told in the words of the file: what the key must be, where it is, and what was probably meant. */
import { didYouMean } from './did-you-mean.ts';
import { shape as root, type Shape } from './generated/shape.ts';
import { validate as check, type SchemaError } from './generated/validate.ts';
import { atPointer, toPlain, type Node, type ScalarNode } from './node.ts';
import type { Problems } from './problems.ts';

export function validate(tree: Node, problems: Problems): void {
  if (check(toPlain(tree))) return;
  for (const error of check.errors ?? []) report(error, tree, problems);
}

function report(error: SchemaError, tree: Node, problems: Problems): void {
  // What is wrong with a key's name is told by the error about the map's names.
  if (error.propertyName !== undefined) return;
  const place: Place = { tree, parts: partsOf(error.instancePath), pointer: error.instancePath };
  if (error.keyword === 'additionalProperties') unknownKey(String(error.params['additionalProperty']), place, problems);
  else if (error.keyword === 'propertyNames') badName(String(error.params['propertyName']), place, problems);
  else if (error.keyword === 'false schema') misplaced(place, problems);
  else badValue(place, problems);
}

interface Place {
  readonly tree: Node;
  readonly parts: readonly string[];
  readonly pointer: string;
}

const partsOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

function shapeAt(parts: readonly string[]): Shape | undefined {
  let shape: Shape | undefined = root;
  for (const part of parts) {
    shape =
      shape?.keys && Object.hasOwn(shape.keys, part) ? shape.keys[part] : /^\d+$/.test(part) && shape?.items ? shape.items : shape?.others;
  }
  return shape;
}

function unknownKey(key: string, { tree, parts, pointer }: Place, problems: Problems): void {
  const { node } = atPointer(tree, pointer);
  const at = node.kind === 'map' ? (node.entries.get(key)?.key ?? node.span) : node.span;
  const known = Object.keys(shapeAt(parts)?.keys ?? {});
  const elsewhere = parts[0] === 'tunnels' ? ['hosts', 'a host'] : ['tunnels', 'a tunnel'];
  const others = Object.keys(root.keys?.[elsewhere[0] ?? '']?.others?.keys ?? {});
  const hint =
    parts.length === 2 && others.includes(key)
      ? `${key} is a key of ${elsewhere[1]}`
      : (didYouMean(key, known) ?? (known.length <= 8 ? `the keys here are ${known.join(', ')}` : null));
  problems.add({ code: 'schema', message: `unknown key "${key}" in ${describe(parts)}`, at, hint });
}

function badName(name: string, { tree, parts, pointer }: Place, problems: Problems): void {
  const { node } = atPointer(tree, pointer);
  const at = node.kind === 'map' ? (node.entries.get(name)?.key ?? node.span) : node.span;
  if (parts[0] === 'hosts' && name === 'client') {
    problems.add({ code: 'schema', message: 'no host can be called client: that is this machine', at, hint: 'give it another name' });
    return;
  }
  const names = shapeAt(parts)?.names ?? 'another name';
  problems.add({ code: 'schema', message: `${shown(name)} must be ${names}`, at });
}

function misplaced({ tree, parts, pointer }: Place, problems: Problems): void {
  const { node, key } = atPointer(tree, pointer);
  const message = `${parts.at(-1)} has no place in ${describe(parts.slice(0, -1))}: it cannot be the same for all`;
  problems.add({ code: 'schema', message, at: key ?? node.span });
}

function badValue({ tree, parts, pointer }: Place, problems: Problems): void {
  const { node } = atPointer(tree, pointer);
  const key = parts.at(-1) ?? '';
  if ((key === 'password' || key === 'passphrase') && node.kind === 'scalar' && node.value !== null) {
    literalSecret(node, key, problems);
    return;
  }
  const shape = shapeAt(parts);
  const secret = parts.includes('password') || parts.includes('passphrase');
  const value = secret ? '' : `, not ${shown(node.kind === 'scalar' ? node.value : node)}`;
  const message = `${describe(parts)} must be ${shape?.expects ?? 'something else'}${value}`;
  problems.add({ code: 'schema', message, at: node.span, hint: secret ? null : hintFor(node, shape) });
}

/** The text itself must not be shown, not even in the hint. */
function literalSecret(node: ScalarNode, key: string, problems: Problems): void {
  const variable = /^\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?$/.exec(
    node.span.source.text.slice(node.span.start, node.span.end).replace(/^["']|["']$/g, ''),
  )?.[1];
  problems.add({
    code: 'literal-secret',
    message: `the ${key} stands in the file`,
    at: node.span,
    hint: `say where it comes from: ${key}: {env: ${variable ?? 'NAME'}}, or {prompt: true}`,
  });
}

function hintFor(node: Node, shape: Shape | undefined): string | null {
  if (node.kind !== 'scalar') return null;
  const types = shape?.types ?? [];
  if (shape?.choices && typeof node.value === 'string') return didYouMean(node.value, shape.choices);
  if (shape?.expects?.includes('duration') && /^\d+$/.test(node.written)) return `did you mean ${node.written}s?`;
  if (types.includes('boolean') && typeof node.value === 'string') {
    if (/^(?:yes|on|y|true)$/i.test(node.value)) return 'did you mean true?';
    if (/^(?:no|off|n|false)$/i.test(node.value)) return 'did you mean false?';
  }
  const isNumber = typeof node.value === 'number';
  if (isNumber && types.join() === 'string' && !shape?.choices) return `did you mean "${node.written}"?`;
  if (typeof node.value === 'string' && types.includes('integer') && /^\d+$/.test(String(node.value))) return 'leave out the quotes';
  if (types.includes('array') && /^[^\s,]+(?:,[^\s,]+)+$/.test(String(node.value)))
    return `did you mean [${String(node.value).replaceAll(',', ', ')}]?`;
  if (types[0] === 'array' && !types.includes('string') && node.value !== null) return `did you mean [${node.written}]?`;
  return null;
}

/** `tunnel "web"`, `host "bastion"`, `port`, `an item of allow`. */
function describe(parts: readonly string[]): string {
  const [first, second] = parts;
  if (first === undefined) return 'the file';
  if (parts.length === 2 && first === 'tunnels') return `tunnel "${second}"`;
  if (parts.length === 2 && first === 'hosts') return `host "${second}"`;
  if (first === 'defaults' && parts.length === 2) return `defaults.${second}`;
  const last = parts.at(-1) ?? '';
  return /^\d+$/.test(last) && parts.length > 1 ? `an item of ${parts.at(-2)}` : last;
}

/** A value as it may be shown: short, on one line. */
function shown(value: Node | ScalarNode['value']): string {
  if (value === null) return 'nothing';
  if (typeof value === 'object') return describeNode(value);
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
}

function describeNode(node: Node): string {
  if (node.kind === 'scalar') return shown(node.value);
  const isEmpty = node.kind === 'list' ? node.items.length === 0 : node.entries.size === 0;
  return `${isEmpty ? 'an empty' : 'a'} ${node.kind}`;
}
