/** What files were parsed to when they were last read: of one that was edited only the edit is parsed. */
import type { Node } from './node.ts';
import { parse, type Parsed } from './parse.ts';
import type { Problems } from './problems.ts';
import { reparse } from './reparse.ts';
import type { Source } from './source.ts';

export class ParsedFiles {
  readonly #last = new Map<string, Parsed>();

  /** What `parse` gives as root; of a text that was read before, perhaps with places in the `Source` it had then. */
  parse(source: Source, problems: Problems): Node | null {
    const before = this.#last.get(source.name);
    const parsed = (before && reparse(before, source)) ?? parse(source, problems);
    // What is wrong with it has to be told the next time, too.
    if (parsed && !problems.failed) this.#last.set(source.name, parsed);
    return parsed?.root ?? null;
  }

  /** Forgets the others. */
  keep(sources: readonly Source[]): void {
    const names = new Set(sources.map(({ name }) => name));
    for (const name of this.#last.keys()) if (!names.has(name)) this.#last.delete(name);
  }
}
