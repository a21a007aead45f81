/** `reload`: a running project applies its file; for where it is not watched. */
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { chooseProgress, lineByLine } from '../progress/choose.ts';
import { planLines } from '../render/plan-text.ts';
import { styleFor } from '../render/style.ts';
import { runningProject } from '../running-project.ts';
import { changesText, framesOf, tellProblems } from './apply-to-running.ts';

export async function reload(io: Io, globals: GlobalOptions): Promise<number> {
  const client = await runningProject(io, globals);
  const progress = await chooseProgress(io, lineByLine(io, globals), framesOf(io, globals, client.found.file));
  const outcome = await (globals.dryRun ? client.planReload() : client.reload());
  tellProblems(io, globals, { outcome, progress });
  if (!outcome.applied) return EXIT.invalidConfiguration;
  if (globals.dryRun) {
    const context = { desired: null, running: await client.graph() };
    const plan = planLines(outcome.plan, context, styleFor({ ansi: globals.ansi, env: io.env, output: io.stdout }));
    io.stdout.write(`${plan.join('\n')}\n`);
    return EXIT.done;
  }
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stderr });
  progress.say(changesText(outcome.plan, style, 'reloaded'), 'note');
  return EXIT.done;
}
