/** Which tunnels are active, as in compose: those without a profile, those of a named profile, and those named themselves. */
import type { TunnelName } from '../core/spec.ts';
import { didYouMean } from './did-you-mean.ts';
import type { LoadOptions } from './loaded.ts';
import type { Problems } from './problems.ts';
import type { TunnelDraft } from './resolve-tunnel.ts';

type Options = Pick<LoadOptions, 'profiles' | 'env' | 'names'>;

export function activeTunnels(drafts: readonly TunnelDraft[], options: Options): TunnelDraft[] {
  const fromEnv = (options.env['TUNNELS_PROFILES'] ?? '').split(',').map((name) => name.trim());
  const profiles = new Set(options.profiles.length > 0 ? options.profiles : fromEnv.filter((name) => name !== ''));
  const names = new Set(options.names ?? []);
  // Naming a tunnel activates its profiles, as `compose up NAME` does.
  for (const draft of drafts) if (isNamed(draft, names)) for (const profile of draft.spec.profiles) profiles.add(profile);
  return drafts.filter((draft) => {
    const wanted = draft.spec.profiles;
    return wanted.length === 0 || isNamed(draft, names) || profiles.has('*') || wanted.some((profile) => profiles.has(profile));
  });
}

const isNamed = ({ base, spec }: TunnelDraft, names: ReadonlySet<TunnelName>): boolean => names.has(base) || names.has(spec.name);

/** Names of the command line that are no tunnels. `known` are all of the file, also those with problems of their own. */
export function checkNames(names: readonly string[], known: readonly TunnelName[], problems: Problems): void {
  for (const name of names) {
    if (known.includes(name)) continue;
    const hint = didYouMean(name, known) ?? (known.length === 0 || known.length > 8 ? null : `there are ${known.join(', ')}`);
    problems.add({ code: 'unknown-tunnel', message: `unknown tunnel "${name}"`, at: null, hint });
  }
}

/** Replaces the name of a range by the names of its tunnels, and reports what is not there, or not active. */
export function settleDependencies(
  active: readonly TunnelDraft[],
  all: readonly TunnelDraft[],
  context: { known: readonly TunnelName[]; problems: Problems },
): TunnelDraft[] {
  const activeBy = byName(active);
  const allBy = byName(all);
  return active.map((draft) => ({
    ...draft,
    spec: {
      ...draft.spec,
      dependsOn: draft.spec.dependsOn.flatMap(({ tunnel, condition }) => {
        const found = activeBy.get(tunnel);
        if (found) return found.map((each) => ({ tunnel: each.spec.name, condition }));
        const at = draft.places.dependsOn.get(tunnel) ?? draft.places.name;
        const inactive = allBy.get(tunnel)?.[0]?.spec.profiles[0];
        if (inactive !== undefined) {
          const message = `"${draft.base}" depends on "${tunnel}", which is in the profile "${inactive}" that is not active`;
          context.problems.add({ code: 'unknown-tunnel', message, at, hint: `--profile ${inactive} activates it` });
        } else if (!context.known.includes(tunnel)) {
          context.problems.add({
            code: 'unknown-tunnel',
            message: `unknown tunnel "${tunnel}"`,
            at,
            hint: didYouMean(tunnel, context.known),
          });
        }
        return [];
      }),
    },
  }));
}

function byName(drafts: readonly TunnelDraft[]): Map<TunnelName, TunnelDraft[]> {
  const map = new Map<TunnelName, TunnelDraft[]>();
  for (const draft of drafts) {
    for (const name of new Set([draft.base, draft.spec.name])) {
      const list = map.get(name);
      if (list) list.push(draft);
      else map.set(name, [draft]);
    }
  }
  return map;
}
