/** `plan`: what `up` would do to what runs, or from nothing. Also every `up --dry-run`. */
import { buildGraph, type Graph } from '../../core/graph.ts';
import type { Plan } from '../../core/plan.ts';
import { reconcile } from '../../core/reconcile.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import type { DaemonClient } from '../../daemon/client.ts';
import { findProject } from '../../daemon/find-project.ts';
import { selectTunnels } from '../../runner/select.ts';
import { alone } from '../../runner/selection.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { loadElsewhere } from '../load-options.ts';
import { chooseProgress } from '../progress/choose.ts';
import { projectPlace } from '../project-place.ts';
import { planLines } from '../render/plan-text.ts';
import { styleFor } from '../render/style.ts';
import { framesOf, tellProblems } from './apply-to-running.ts';
import { loadedProject } from './loaded-project.ts';

export interface PlanOptions {
  readonly names: readonly string[];
  readonly noDeps: boolean;
}

interface Planned {
  readonly plan: Plan;
  /** What is to be, where that was worked out here. */
  readonly desired: Graph | null;
  /** What runs; null is nothing. */
  readonly running: Graph | null;
}

/** Gives 2 where there is something to do; `up --dry-run` makes that a 0. */
export async function plan(io: Io, globals: GlobalOptions, options: PlanOptions): Promise<ExitCode> {
  const place = await projectPlace(io, globals);
  const client = place && (await findProject(place));
  const planned =
    client?.found.phase === 'up' ? await fromRunning(io, globals, { ...options, client }) : await fromNothing(io, globals, options);
  if (!planned) return EXIT.invalidConfiguration;
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stdout });
  io.stdout.write(`${planLines(planned.plan, planned, style).join('\n')}\n`);
  return planned.plan.steps.length === 0 ? EXIT.done : EXIT.changes;
}

async function fromNothing(io: Io, globals: GlobalOptions, { names, noDeps }: PlanOptions): Promise<Planned | null> {
  const loaded = await loadedProject(io, globals, names);
  if (!loaded) return null;
  const desired = buildGraph(selectTunnels(loaded.project, alone({ names, noDeps })));
  return { plan: reconcile(desired, null), desired, running: null };
}

/** Asked of the process that runs it: what it was started with, and its environment, are part of the answer. */
async function fromRunning(
  io: Io,
  globals: GlobalOptions,
  { client, ...asked }: PlanOptions & { readonly client: DaemonClient },
): Promise<Planned | null> {
  const progress = await chooseProgress(io, globals, framesOf(io, globals, client.found.file));
  const outcome = await client.plan({ ...asked, load: await loadElsewhere(io, globals) });
  tellProblems(io, globals, { outcome, progress });
  if (!outcome.applied) return null;
  const [running, snapshot] = await Promise.all([client.graph(), client.snapshot()]);
  return { plan: withStopped(outcome.plan, snapshot, asked.names), desired: null, running };
}

/** What `stop` has closed is in the project, and `up` opens it. */
function withStopped({ steps }: Plan, { tunnels }: Snapshot, names: readonly string[]): Plan {
  const isTold = (name: string): boolean => steps.some((step) => step.kind === 'tunnel' && step.name === name && step.action !== 'update');
  const stopped = tunnels.filter(({ name, state }) => state === 'closed' && !isTold(name) && (names.length === 0 || names.includes(name)));
  return { steps: [...steps, ...stopped.map(({ name }) => ({ action: 'create', kind: 'tunnel', name }) as const)] };
}
