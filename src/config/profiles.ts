/** Which tunnels are active, as in compose: those without a profile, those of a named profile, and those named themselves. */
import type { TunnelName } from '../core/spec.ts';
import { didYouMean } from './did-you-mean.ts';
import type { LoadOptions } from './loaded.ts';
import type { Problems } from './problems.ts';
import type { TunnelDraft } from './resolve-tunnel.ts';

type Options = Pick<LoadOptions, 'profiles' | 'env' | 'names' | 'standing'>;

export function activeTunnels(drafts: readonly TunnelDraft[], options: Options): TunnelDraft[] {
  return activeAmong(drafts, ({ base, spec }) => ({ names: [base, spec.name], profiles: spec.profiles }), {
    profiles: profilesAsked(options),
    names: [...(options.names ?? []), ...(options.standing ?? [])],
  });
}

/** The flags, else TUNNELS_PROFILES. */
export function profilesAsked({ profiles, env }: Pick<LoadOptions, 'profiles' | 'env'>): readonly string[] {
  if (profiles.length > 0) return profiles;
  const fromEnv = (env['TUNNELS_PROFILES'] ?? '').split(',').map((name) => name.trim());
  return fromEnv.filter((name) => name !== '');
}

interface Asked {
  readonly profiles: readonly string[];
  readonly names: readonly TunnelName[];
}

interface Tunnel {
  /** Its own, and that of the range it was made of. */
  readonly names: readonly TunnelName[];
  readonly profiles: readonly string[];
}

export function activeAmong<T>(all: readonly T[], tunnelOf: (each: T) => Tunnel, asked: Asked): T[] {
  const named = new Set(asked.names);
  const isNamed = ({ names }: Tunnel): boolean => names.some((name) => named.has(name));
  const profiles = new Set(asked.profiles);
  // Naming a tunnel activates its profiles, as `compose up NAME` does.
  for (const each of all.map(tunnelOf)) if (isNamed(each)) for (const profile of each.profiles) profiles.add(profile);
  return all.filter((each) => {
    const tunnel = tunnelOf(each);
    const wanted = tunnel.profiles;
    return wanted.length === 0 || isNamed(tunnel) || profiles.has('*') || wanted.some((profile) => profiles.has(profile));
  });
}

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
