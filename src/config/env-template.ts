/** `env`: the names a tunnel exports, and the placeholders in their values. */
import type { Address } from '../core/address.ts';
import { didYouMean } from './did-you-mean.ts';
import type { Problems } from './problems.ts';
import type { Span } from './source.ts';
import type { Values } from './values.ts';

/** What is filled in from the bound ingress, by the kind of it that has one. */
const PLACEHOLDERS: Readonly<Record<string, readonly Address['kind'][]>> = {
  port: ['tcp'],
  address: ['tcp'],
  host: ['tcp'],
  path: ['unix'],
};

export interface ResolvedEnv {
  readonly templates: Readonly<Record<string, string>>;
  readonly places: ReadonlyMap<string, Span>;
}

/** Braces around anything but a word are the user's own, as in JSON. */
export function resolveEnv(values: Values, ingress: Address | null, problems: Problems): ResolvedEnv {
  const inner = values.inner('env');
  const templates: Record<string, string> = {};
  const places = new Map<string, Span>();
  for (const [name, entry] of inner?.map.entries ?? []) {
    const text = inner?.written(name);
    if (text === undefined) continue;
    templates[name] = text;
    places.set(name, entry.key);
    for (const [, word = ''] of text.matchAll(/\{([A-Za-z_][A-Za-z0-9_]*)\}/g)) {
      const kinds = Object.hasOwn(PLACEHOLDERS, word) ? PLACEHOLDERS[word] : undefined;
      if (!kinds) {
        const hint =
          didYouMean(word, Object.keys(PLACEHOLDERS))?.replace(/"(.*)"/, '{$1}') ?? 'they are {port}, {address}, {host} and {path}';
        problems.add({ code: 'schema', message: `{${word}} in ${name} is no placeholder`, at: entry.value.span, hint });
      } else if (ingress && !kinds.includes(ingress.kind)) {
        const message = `{${word}} in ${name} is empty: the ingress is ${ingress.kind === 'unix' ? 'a socket' : 'a port'}`;
        const other = ingress.kind === 'unix' ? 'a socket has {path}' : 'a port has {port}, {address} and {host}';
        problems.add({ code: 'schema', message, at: entry.value.span, hint: other });
      }
    }
  }
  return { templates, places };
}
