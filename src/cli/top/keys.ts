/** What a key of `top` means. */
import { SORT_KEYS, type SortKey } from './order.ts';

export type Action =
  | { readonly do: 'quit' }
  | { readonly do: 'interrupt' }
  | { readonly do: 'sort'; readonly by: SortKey }
  /** Rows, or a screen of them. */
  | { readonly do: 'scroll'; readonly by: number; readonly unit: 'row' | 'page' };

/** What terminals send for the arrows, and what they send in application mode (xterm, ctlseqs). */
const SCROLL: Readonly<Record<string, Extract<Action, { do: 'scroll' }>>> = {
  '\u001b[A': { do: 'scroll', by: -1, unit: 'row' },
  '\u001bOA': { do: 'scroll', by: -1, unit: 'row' },
  k: { do: 'scroll', by: -1, unit: 'row' },
  '\u001b[B': { do: 'scroll', by: 1, unit: 'row' },
  '\u001bOB': { do: 'scroll', by: 1, unit: 'row' },
  j: { do: 'scroll', by: 1, unit: 'row' },
  '\u001b[5~': { do: 'scroll', by: -1, unit: 'page' },
  '\u001b[6~': { do: 'scroll', by: 1, unit: 'page' },
  ' ': { do: 'scroll', by: 1, unit: 'page' },
};

/** A chunk may hold several keys; a sequence that is not known is passed over as a whole. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys are control characters
const KEY = /\u001b(?:\[[0-?]*[ -/]*[@-~]|O.)?|[^]/gu;

export function actionsOf(chunk: string): readonly Action[] {
  return (chunk.match(KEY) ?? []).flatMap((key): readonly Action[] => {
    if (key === 'q' || key === 'Q') return [{ do: 'quit' }];
    if (key === '\u0003') return [{ do: 'interrupt' }];
    const by = SORT_KEYS[key];
    if (by !== undefined) return [{ do: 'sort', by }];
    const scroll = SCROLL[key];
    return scroll ? [scroll] : [];
  });
}
