/** `plan`: what `up` would do, from nothing. Also every `up --dry-run`. */
import { buildGraph } from '../../core/graph.ts';
import { reconcile } from '../../core/reconcile.ts';
import { selectTunnels } from '../../runner/select.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { planLines } from '../render/plan-text.ts';
import { styleFor } from '../render/style.ts';
import { loadedProject } from './loaded-project.ts';

export interface PlanOptions {
  readonly names: readonly string[];
  readonly noDeps: boolean;
}

/** Gives 2 where there is something to do; `up --dry-run` makes that a 0. */
export async function plan(io: Io, globals: GlobalOptions, { names, noDeps }: PlanOptions): Promise<ExitCode> {
  const loaded = await loadedProject(io, globals, names);
  if (!loaded) return EXIT.invalidConfiguration;
  const graph = buildGraph(selectTunnels(loaded.project, names, { noDeps }));
  const steps = reconcile(graph, null);
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stdout });
  io.stdout.write(`${planLines(steps, graph, style).join('\n')}\n`);
  return steps.steps.length === 0 ? EXIT.done : EXIT.changes;
}
