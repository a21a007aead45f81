import type { LoadOptions } from '../config/loaded.ts';

/** What a later `up` says of where the configuration is; the environment stays the one the process began with. */
export type LoadChange = Omit<LoadOptions, 'env' | 'names'>;

/** What was asked for by name over the life of a project: `up`, then `up web`, then `up --no-deps git`. A value. */
export interface Selection {
  /** Only these and what they need; null is every active tunnel of the file. */
  readonly only: readonly string[] | null;
  /** Named beside "everything": active although their profiles are not. */
  readonly activated: readonly string[];
  readonly noDeps: boolean;
  /** Instead of what the process began with. */
  readonly load?: LoadChange;
}

export const selectionOf = (names: readonly string[], noDeps: boolean): Selection => ({
  only: names.length > 0 ? names : null,
  activated: [],
  noDeps,
});

/** Names join what was asked for before; none is everything from now on. */
export function joined(before: Selection, names: readonly string[], noDeps: boolean): Selection {
  if (names.length === 0) return { ...before, only: null, noDeps };
  const union = (list: readonly string[]): readonly string[] => [...new Set([...list, ...names])];
  return before.only === null ? { ...before, activated: union(before.activated), noDeps } : { ...before, only: union(before.only), noDeps };
}

/** The names that loading is to activate. */
export const activatedNames = ({ only, activated }: Selection): readonly string[] => [...new Set([...(only ?? []), ...activated])];

/** The last command line counts, but its profiles join those that are active: naming one more takes none of the others down. */
export function reread(before: Selection, load: LoadChange, began: readonly string[]): Selection {
  const profiles = [...new Set([...(before.load?.profiles ?? began), ...load.profiles])];
  return { ...before, load: { ...load, profiles } };
}
