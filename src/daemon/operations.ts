/** What can be asked of a running project, apart from how it is asked. */
import { parseAddress } from '../core/address.ts';
import { tunnelExports } from '../core/exports.ts';
import type { TunnelView } from '../core/snapshot.ts';
import type { ApplyResult, RunnerPort } from '../runner/runner-port.ts';
import { DaemonError } from './daemon-error.ts';
import type { ApplyOutcome, ApplyRequest, StopRequest, TunnelExports } from './protocol.ts';

export async function applyNames(runner: RunnerPort, { names, noDeps }: Required<ApplyRequest>): Promise<ApplyOutcome> {
  if (names.length > 0) runner.select(names, { noDeps });
  return applyOutcome(await runner.apply());
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

/** Of the tunnels that are bound, in the order of the file: others have nothing to export yet. */
export function exportsOf(runner: RunnerPort): TunnelExports[] {
  const specs = runner.graph?.project.tunnels;
  return runner.snapshot().tunnels.flatMap((tunnel) => {
    const spec = specs?.get(tunnel.name);
    const bound = isBound(tunnel) ? parseAddress(tunnel.ingress, 'localhost') : null;
    if (!spec || !bound?.ok) return [];
    return [{ tunnel: tunnel.name, ingress: tunnel.ingress, exports: tunnelExports(spec, bound.value.address) }];
  });
}

const isBound = ({ state }: TunnelView): boolean =>
  state === 'open' || state === 'unhealthy' || state === 'idle' || state === 'reconnecting';
