/** What waits for another tunnel to be healthy must be able to see it become so. */
import type { TunnelName } from '../core/spec.ts';
import type { Problems } from './problems.ts';
import type { Resolved } from './resolve.ts';
import type { TunnelDraft } from './resolve-tunnel.ts';

export function checkHealth({ drafts }: Resolved, problems: Problems): void {
  for (const { base, spec, places } of drafts.values()) {
    for (const { tunnel, condition } of spec.dependsOn) {
      const needed = drafts.get(tunnel);
      const found = condition === 'healthy' && needed ? obstacle(base, needed) : null;
      if (found)
        problems.add({ code: 'schema', at: places.healthy.get(tunnel) ?? places.healthy.get(needed?.base ?? '') ?? places.name, ...found });
    }
  }
}

function obstacle(who: TunnelName, { base, spec, places }: TunnelDraft): { readonly message: string; readonly hint: string } | null {
  if (places.healthcheck === null)
    return {
      message: `"${who}" waits for "${base}" to be healthy, and "${base}" has no healthcheck`,
      hint: `give "${base}" a healthcheck, or write condition: open`,
    };
  if (spec.start === 'on-demand')
    return {
      message: `"${who}" waits for "${base}" to be healthy, and "${base}" is asleep until its first client: on-demand`,
      hint: `write start: eager for "${base}", or condition: open`,
    };
  return null;
}
