/** What can be asked of a running project, apart from how it is asked. */
import type { ApplyResult, RunnerPort } from '../runner/runner-port.ts';
import type { Asked } from '../runner/selection.ts';
import { DaemonError } from './daemon-error.ts';
import type { ApplyOutcome, StopRequest, UseOutcome, UseRequest } from './protocol.ts';
import type { Uses } from './uses.ts';

export async function applyAsked(
  runner: RunnerPort,
  { names, watch, ...options }: Asked & { readonly watch: boolean },
): Promise<ApplyOutcome> {
  runner.select(names, options);
  const result = await runner.apply();
  if (result.applied && watch) runner.watch();
  return applyOutcome(result);
}

export async function useAsked(uses: Uses, { id, ...use }: Required<UseRequest>, gone: AbortSignal): Promise<UseOutcome> {
  const { result, tunnels } = await uses.begin(id, use, gone);
  return { outcome: applyOutcome(result), tunnels };
}

/** The sources that a code frame may be asked of, and no others: a file may be large, and is nobody else's business. */
export function applyOutcome(result: ApplyResult): ApplyOutcome {
  const { diagnostics, sources } = result.applied ? result.loaded : result.failure;
  const named = new Set(diagnostics.flatMap(({ range }) => (range ? [range.file] : [])));
  const problems = { diagnostics, sources: Object.fromEntries([...sources].filter(([file]) => named.has(file))) };
  return result.applied ? { applied: true, plan: result.plan, ...problems } : { applied: false, ...problems };
}

/** No names: every tunnel. Rejects names that nothing has. */
export function chosen(runner: RunnerPort, names: readonly string[]): readonly string[] {
  const known = runner.snapshot().tunnels.map((tunnel) => tunnel.name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new DaemonError({
      code: 'unknown-tunnel',
      message: `no such tunnel is up: ${unknown.join(', ')}`,
      hint: known.length === 0 ? 'no tunnel is' : `up are ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}`,
    });
  }
  return names.length === 0 ? known : names;
}

export async function restart(runner: RunnerPort, { names, drainMs }: Required<StopRequest>): Promise<void> {
  const which = chosen(runner, names);
  await runner.stopTunnels(which, { drainMs });
  runner.startTunnels(which);
}
