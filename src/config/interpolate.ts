/**
 * `${VAR}` and `$VAR` with compose's `:- - :? ? :+ +` and `$$`, on scalars after parsing: what a variable holds is text, and can
 * make no key, no list and no second word of a short form.
 */
import type { DiagnosticCode } from '../core/diagnostic.ts';
import { didYouMean } from './did-you-mean.ts';
import type { Shape } from './generated/shape.ts';
import { isUsers, type Entry, type Node, type Piece, type Scalar, type ScalarNode } from './node.ts';
import type { Problems } from './problems.ts';
import type { Span } from './source.ts';

export type Environment = Readonly<Record<string, string>>;

/** What is wrong with a text, by offset. */
export interface TextProblem {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly hint: string | null;
  readonly start: number;
  readonly end: number;
}

export interface Interpolated {
  readonly pieces: readonly Piece[];
  readonly problems: readonly TextProblem[];
}

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const MAX_NESTING = 16;

export function interpolateText(text: string, env: Environment): Interpolated {
  return new Scan(text, env).run();
}

class Scan {
  readonly #text: string;
  readonly #env: Environment;
  readonly #problems: TextProblem[] = [];
  #at = 0;

  constructor(text: string, env: Environment) {
    this.#text = text;
    this.#env = env;
  }

  run(): Interpolated {
    const pieces: Piece[] = [];
    let literal = '';
    while (this.#at < this.#text.length) {
      const dollar = this.#text.indexOf('$', this.#at);
      literal += this.#text.slice(this.#at, dollar < 0 ? undefined : dollar);
      this.#at = dollar < 0 ? this.#text.length : dollar;
      if (dollar < 0) break;
      if (this.#text[dollar + 1] === '$') {
        literal += '$';
        this.#at += 2;
        continue;
      }
      const value = this.#variable(0, true);
      if (literal !== '') pieces.push({ text: literal, fixed: false });
      literal = '';
      pieces.push({ text: value, fixed: true });
    }
    if (literal !== '' || pieces.length === 0) pieces.push({ text: literal, fixed: false });
    return { pieces, problems: this.#problems };
  }

  /** At a `$`. `used` is false in a default that is not needed: what is unset there does not matter. */
  #variable(depth: number, used: boolean): string {
    const start = this.#at;
    const braced = this.#text[start + 1] === '{';
    this.#at += braced ? 2 : 1;
    NAME.lastIndex = this.#at;
    const name = NAME.exec(this.#text)?.[0];
    if (name === undefined || depth > MAX_NESTING) return this.#malformed(start);
    this.#at += name.length;
    const value = Object.hasOwn(this.#env, name) ? this.#env[name] : undefined;
    if (!braced) return value ?? this.#unset({ name, start, used, says: '' });
    const operator = /^:?[-?+]/.exec(this.#text.slice(this.#at, this.#at + 2))?.[0] ?? '';
    this.#at += operator.length;
    const given = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
    const kind = operator.at(-1);
    const wanted = kind === '+' ? given : !given;
    const word = operator === '' ? '' : this.#word(depth, used && wanted);
    if (this.#text[this.#at] !== '}') return this.#malformed(start);
    this.#at += 1;
    if (kind === '+') return given ? word : '';
    if (given) return value ?? '';
    return kind === '-' ? word : this.#unset({ name, start, used, says: word });
  }

  /** Up to the closing brace, which is left. */
  #word(depth: number, used: boolean): string {
    let word = '';
    while (this.#at < this.#text.length && this.#text[this.#at] !== '}') {
      if (this.#text[this.#at] !== '$') {
        word += this.#text[this.#at];
        this.#at += 1;
      } else if (this.#text[this.#at + 1] === '$') {
        word += '$';
        this.#at += 2;
      } else word += this.#variable(depth + 1, used);
    }
    return word;
  }

  #unset({ name, start, used, says }: { name: string; start: number; used: boolean; says: string }): string {
    if (!used) return '';
    // What a tunnel exports is there when a command of it runs, not before.
    const escaped = name.startsWith('TUNNEL_') ? `write $$${name} where a command of the file is to read it` : null;
    const hint = escaped ?? didYouMean(name, Object.keys(this.#env)) ?? (says === '' ? `set it, or write \${${name}:-default}` : null);
    const message = `the variable ${name} is not set${says === '' ? '' : `: ${says}`}`;
    this.#problems.push({ code: 'unset-variable', message, hint, start, end: this.#at });
    return '';
  }

  #malformed(start: number): string {
    const closing = this.#text.indexOf('}', start);
    this.#at = this.#text[start + 1] === '{' ? (closing < 0 ? this.#text.length : closing + 1) : start + 1;
    this.#problems.push({
      code: 'schema',
      message: `"${this.#text.slice(start, Math.min(this.#at + 1, start + 40))}" is no variable`,
      hint: 'write ${NAME} or $NAME, and $$ for a dollar sign',
      start,
      end: Math.max(this.#at, start + 1),
    });
    return '';
  }
}

/** The place of a part of a scalar's text; the whole scalar where escapes or line folding moved the letters. */
export function partOf(node: ScalarNode, start: number, end: number): Span {
  const { source, start: from, end: until } = node.span;
  const raw = source.text.slice(from, until);
  const text = String(node.value);
  const quote = raw.startsWith('"') || raw.startsWith("'") ? 1 : 0;
  if (raw.slice(quote, quote + text.length) !== text) return node.span;
  return { source, start: from + quote + start, end: from + quote + Math.max(end, start + 1) };
}

export interface Interpolation {
  readonly env: Environment;
  readonly problems: Problems;
}

export function interpolateScalar(node: ScalarNode, { env, problems }: Interpolation, shape?: Shape): ScalarNode {
  if (typeof node.value !== 'string' || node.pieces !== null || !node.value.includes('$')) return node;
  const { pieces, problems: found } = interpolateText(node.value, env);
  for (const { code, message, hint, start, end } of found) {
    problems.add({ code, message, hint, at: partOf(node, start, end), spoils: node.span });
  }
  const text = pieces.map((piece) => piece.text).join('');
  const value = pieces.some((piece) => piece.fixed) ? retype(text, shape) : text;
  return { ...node, value, written: text, pieces };
}

/** All text that a variable made is text; where the schema wants a number or true and false, it is read as YAML's core schema does. */
function retype(text: string, shape: Shape | undefined): Scalar {
  const types = shape?.types ?? [];
  if ((types.includes('integer') || types.includes('number')) && /^[-+]?(?:0o[0-7]+|0x[0-9a-fA-F]+|\d+(?:\.\d+)?)$/.test(text)) {
    return Number(text);
  }
  if (types.includes('boolean') && /^(?:true|True|TRUE|false|False|FALSE)$/.test(text)) return text.toLowerCase() === 'true';
  return text;
}

/** What has no variable in it is given back as it is. */
export function interpolate(node: Node, interpolation: Interpolation, shape?: Shape): Node {
  if (node.kind === 'scalar') return interpolateScalar(node, interpolation, shape);
  if (node.kind === 'list') {
    const items = node.items.map((item) => interpolate(item, interpolation, shape?.items));
    return items.every((item, index) => item === node.items[index]) ? node : { ...node, items };
  }
  let entries: Map<string, Entry> | null = null;
  for (const [key, entry] of node.entries) {
    if (isUsers(key)) continue;
    const inner = shape?.keys && Object.hasOwn(shape.keys, key) ? shape.keys[key] : shape?.others;
    const value = interpolate(entry.value, interpolation, inner);
    // A value that is replaced keeps its place in the order of the keys.
    if (value !== entry.value) (entries ??= new Map(node.entries)).set(key, { key: entry.key, value });
  }
  return entries ? { ...node, entries } : node;
}
