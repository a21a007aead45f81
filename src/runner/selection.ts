import type { LoadOptions } from '../config/loaded.ts';

/** What a later `up` says of where the configuration is; the environment stays the one the process began with. */
export type LoadChange = Omit<LoadOptions, 'env' | 'names'>;

/** What one `up` asks for. */
export interface Asked {
  readonly names: readonly string[];
  /** Without what they need. */
  readonly noDeps: boolean;
  /** Where the configuration is, instead of where it was so far. */
  readonly load?: LoadChange;
}

/** What a command asks for as long as it runs. */
export interface Use extends Omit<Asked, 'load'> {
  readonly profiles: readonly string[];
}

/** What was asked for over the life of a project: `up`, then `up web`, then `up --no-deps git`. A value. */
export interface Selection {
  /** Only these and what they need; null is every active tunnel of the file. */
  readonly only: readonly string[] | null;
  /** These beside `only`, without what they need. */
  readonly bare: readonly string[];
  /** Named beside "everything": active although their profiles are not. */
  readonly activated: readonly string[];
  readonly load: LoadChange;
}

/** What one `up` asks for where nothing was asked for before. */
export const alone = ({ names, noDeps }: Asked): Pick<Selection, 'only' | 'bare'> =>
  names.length === 0 ? { only: null, bare: [] } : noDeps ? { only: [], bare: names } : { only: names, bare: [] };

export const nothingOf = (load: LoadChange): Selection => ({ only: [], bare: [], activated: [], load });

const union = (a: readonly string[], b: readonly string[]): readonly string[] => [...new Set([...a, ...b])];

/**
 * Names join what was asked for before; none is everything from now on. The last command line counts, but its profiles join those that are
 * active: naming one more takes none of the others down.
 */
export function joined(before: Selection, { names, noDeps, load }: Asked): Selection {
  const now = load ? { ...before, load: { ...load, profiles: union(before.load.profiles, load.profiles) } } : before;
  if (names.length === 0) return { ...now, only: null };
  if (now.only === null) return { ...now, activated: union(now.activated, names) };
  return noDeps ? { ...now, bare: union(now.bare, names) } : { ...now, only: union(now.only, names) };
}

/** With what running commands ask for beside it. */
export const withUses = (selection: Selection, uses: Iterable<Use>): Selection =>
  [...uses].reduce((before, { profiles, ...use }) => joined(before, { ...use, load: { ...before.load, profiles } }), selection);

/** The names that loading is to activate. */
export const activatedNames = ({ only, bare, activated }: Selection): readonly string[] => [
  ...new Set([...(only ?? []), ...bare, ...activated]),
];
