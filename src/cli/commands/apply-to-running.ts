/** `up` on a project that is up: the file is applied, what was stopped is started, and what changed is said. */
import { formatPlan } from '../../core/plan.ts';
import { dirname } from 'node:path';
import type { DaemonClient } from '../../daemon/client.ts';
import type { ApplyOutcome } from '../../daemon/protocol.ts';
import { tunnelsNamed } from '../../core/named.ts';
import { withNeeds } from '../../runner/select.ts';
import type { LoadChange } from '../../runner/selection.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { framesFrom, framesFromDisk, frameStyle } from '../problem-report.ts';
import type { Progress } from '../progress/progress.ts';
import type { FrameOf } from '../render/diagnostics.ts';
import { colourPlan } from '../render/plan-text.ts';
import { counted } from '../render/quantity.ts';
import { styleFor, type Style } from '../render/style.ts';

export interface Applying {
  readonly client: DaemonClient;
  readonly load: LoadChange;
  readonly names: readonly string[];
  readonly noDeps: boolean;
  readonly watch: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** `invalid`: nothing was changed, which is told with what is wrong. */
export async function applyToRunning(io: Io, globals: GlobalOptions, applying: Applying): Promise<'changed' | 'same' | 'invalid'> {
  const { client, load, names, noDeps, watch, progress, signal } = applying;
  const outcome = await client.apply({ names, noDeps, load, watch }, { signal });
  tellProblems(io, globals, { outcome, progress });
  if (!outcome.applied) return 'invalid';
  const stopped = await stoppedOf(applying);
  if (stopped.length > 0) await client.start({ names: stopped }, { signal });
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stderr });
  progress.say(changesText(outcome.plan, style, `process ${client.found.pid} has the project up`), 'note');
  if (stopped.length > 0) progress.say(`started again: ${stopped.join(', ')}`, 'note');
  return outcome.plan.steps.length + stopped.length > 0 ? 'changed' : 'same';
}

type Applied = Extract<ApplyOutcome, { applied: true }>;

/** `reloaded: 1 change`, and the plan below it. */
export function changesText(plan: Applied['plan'], style: Style, head: string): string {
  const count = plan.steps.length;
  if (count === 0) return `${head}: no changes`;
  return [`${head}: ${counted(count, 'change')}`, ...colourPlan(formatPlan(plan), style)].join('\n');
}

interface Told {
  readonly outcome: ApplyOutcome;
  readonly progress: Progress;
  /** Where it is not valid: what that means. */
  readonly nothingWas?: 'changed' | 'started';
}

export function tellProblems(io: Io, globals: GlobalOptions, { outcome, progress, nothingWas = 'changed' }: Told): void {
  if (outcome.diagnostics.length > 0)
    progress.problems(outcome.diagnostics, framesFrom(new Map(Object.entries(outcome.sources)), frameStyle(io, globals)));
  if (!outcome.applied) progress.say(`the configuration is not valid: nothing was ${nothingWas}`, 'error');
}

/** For what a reload of a running project finds wrong later. */
export const framesOf = (io: Io, globals: GlobalOptions, file: string): FrameOf =>
  framesFromDisk(() => dirname(file), frameStyle(io, globals));

/** Stopped by `stop`, and asked for now: by name, with what they need, or all. */
async function stoppedOf({ client, names, noDeps }: Applying): Promise<string[]> {
  const { tunnels } = await client.snapshot();
  const closed = tunnels.filter((tunnel) => tunnel.state === 'closed').map((tunnel) => tunnel.name);
  if (closed.length === 0 || names.length === 0) return closed;
  const known = tunnels.map(({ name }) => name);
  const named = names.flatMap((name) => tunnelsNamed(name, known));
  const graph = noDeps ? null : await client.graph();
  const asked = graph ? withNeeds(graph, named) : new Set(named);
  return closed.filter((name) => asked.has(name));
}
