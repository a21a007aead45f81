/** Parses the files, follows `include`, and merges all into one tree: an included file lies under the one that includes it. */
import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { MapNode, Node, ScalarNode } from './node.ts';
import { expandShortForm, type Expanded } from './expand-short-form.ts';
import { isInside, type Found } from './find.ts';
import { interpolate, type Interpolation } from './interpolate.ts';
import { merge, type Merging } from './merge.ts';
import type { ParsedFiles } from './parsed-files.ts';
import type { Problems } from './problems.ts';
import { createSource, type Source, type Span } from './source.ts';
import { readText } from './text-file.ts';

export interface Tree {
  /** Null where a file could not be parsed: what is left would only seem wrong. */
  readonly root: Node | null;
  readonly sources: readonly Source[];
  readonly watch: readonly string[];
  /** Of the short forms that had to be written out to be merged. */
  readonly expanded: readonly Expanded[];
}

const MAX_INCLUDED = 100;

export async function readTree(found: Found, interpolation: Interpolation, parsed: ParsedFiles): Promise<Tree> {
  const reading = new TreeReading(found.projectDirectory, interpolation, parsed);
  let root: Node | undefined;
  let complete = true;
  for (const { path, name, text } of found.files) {
    const real = path === null ? null : await realpath(path).catch(() => path);
    const own = await reading.file({
      name,
      text,
      path: real,
      directory: path === null ? found.projectDirectory : dirname(path),
      stack: [],
    });
    if (own === null) complete = false;
    else root = merge(root, own, reading.merging);
  }
  parsed.keep(reading.sources);
  return { root: complete ? (root ?? null) : null, sources: reading.sources, watch: reading.watch, expanded: reading.expanded };
}

interface File {
  readonly name: string;
  readonly text: string;
  readonly path: string | null;
  /** Where its includes are relative to. */
  readonly directory: string;
  /** The real paths of the files that lead to it. */
  readonly stack: readonly string[];
}

class TreeReading {
  readonly sources: Source[] = [];
  readonly watch: string[] = [];
  readonly expanded: Expanded[] = [];
  readonly merging: Merging;
  readonly #projectDirectory: string;
  readonly #interpolation: Interpolation;
  readonly #problems: Problems;
  readonly #parsed: ParsedFiles;
  readonly #included = new Set<string>();

  constructor(projectDirectory: string, interpolation: Interpolation, parsed: ParsedFiles) {
    this.#projectDirectory = projectDirectory;
    this.#interpolation = interpolation;
    this.#problems = interpolation.problems;
    this.#parsed = parsed;
    this.merging = { expand: (node) => this.#expand(node) };
  }

  /** Null where it, or one it includes, could not be parsed. */
  async file(file: File): Promise<Node | null> {
    const source = createSource(file.name, file.text);
    this.sources.push(source);
    const root = this.#parsed.parse(source, this.#problems);
    if (root?.kind !== 'map') return root;
    const include = root.entries.get('include');
    if (!include) return root;
    const node = interpolate(include.value, this.#interpolation);
    const wanted = node.kind === 'list' ? node.items : [node];
    const own: MapNode = { ...root, entries: new Map([...root.entries].filter(([key]) => key !== 'include')) };
    let base: Node | undefined;
    let complete = true;
    for (const item of wanted) {
      const below = await this.#include(item, file);
      if (below === null) complete = false;
      else if (below) base = merge(base, below, this.merging);
    }
    return complete ? merge(base, own, this.merging) : null;
  }

  /** Undefined where there is nothing to add. */
  async #include(item: Node, from: File): Promise<Node | null | undefined> {
    if (item.kind !== 'scalar' || typeof item.value !== 'string' || item.value === '') {
      this.#problems.add({
        code: 'schema',
        message: 'include must be a file inside the project directory, or a list of them',
        at: item.span,
      });
      return undefined;
    }
    if (this.#problems.refused(item.span)) return undefined;
    const path = resolve(from.directory, item.value);
    if (!isInside(this.#projectDirectory, path) && !isInside(this.#projectDirectory, await realpath(dirname(path)).catch(() => path))) {
      return this.#outside(item.value, item.span);
    }
    this.watch.push(path);
    const real = await realpath(path).catch(() => path);
    if (!isInside(this.#projectDirectory, real)) return this.#outside(item.value, item.span);
    const stack = from.path === null ? from.stack : [...from.stack, from.path];
    if (stack.includes(real)) return this.#cycle([...stack.slice(stack.indexOf(real)), real], item.span);
    if (this.#included.has(real)) return undefined;
    if (this.#included.size >= MAX_INCLUDED) {
      this.#problems.add({ code: 'schema', message: `more than ${MAX_INCLUDED} files are included`, at: item.span });
      return undefined;
    }
    this.#included.add(real);
    const text = await readText(real);
    if (!text.ok) {
      this.#problems.add({ code: 'file-missing', message: `${item.value} ${text.error.why}`, at: item.span });
      return undefined;
    }
    return this.file({ name: this.#nameOf(real), text: text.value, path: real, directory: dirname(real), stack });
  }

  #outside(name: string, at: Span): undefined {
    const message = isAbsolute(name) ? `${name} is outside the project directory` : `${name} leads out of the project directory`;
    this.#problems.add({ code: 'include-outside', message, at, hint: 'name other files with -f, or copy it here' });
    return undefined;
  }

  #cycle(path: readonly string[], at: Span): undefined {
    const names = path.map((each) => this.#nameOf(each)).join(' -> ');
    this.#problems.add({ code: 'cycle', message: `the files include each other: ${names}`, at });
    return undefined;
  }

  #nameOf(real: string): string {
    return relative(this.#projectDirectory, real);
  }

  #expand(node: ScalarNode): MapNode | null {
    const expanded = expandShortForm(node, this.#interpolation);
    if (expanded === null) return null;
    this.expanded.push(expanded);
    return expanded.tunnel;
  }
}
