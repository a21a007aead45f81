/** `ps`: one row a tunnel. */
import type { TunnelView } from '../../core/snapshot.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { missingLines } from '../render/missing-text.ts';
import { psTable } from '../render/ps-table.ts';
import { styleFor } from '../render/style.ts';
import { namesMeant, runningProject } from '../running-project.ts';
import { terminalWidth } from '../terminal-width.ts';

export interface PsOptions {
  readonly names: readonly string[];
  readonly format: 'table' | 'json';
  readonly quiet: boolean;
  /** None is every state. */
  readonly states: readonly string[];
}

export async function ps(io: Io, globals: GlobalOptions, { format, quiet, states, ...asked }: PsOptions): Promise<number> {
  const snapshot = await (await runningProject(io, globals)).snapshot();
  const names = namesMeant(snapshot, asked.names);
  const wanted = ({ name, state }: TunnelView): boolean =>
    (names.length === 0 || names.includes(name)) && (states.length === 0 || states.includes(state));
  const tunnels = snapshot.tunnels.filter(wanted);
  const lines = (each: readonly string[]): void => void (each.length > 0 && io.stdout.write(`${each.join('\n')}\n`));
  if (quiet) lines(tunnels.map((tunnel) => tunnel.name));
  // The fields are fixed: other programs read them.
  else if (format === 'json') lines(tunnels.map((tunnel) => JSON.stringify({ ...tunnel, waiting_on: undefined })));
  else {
    const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stdout });
    lines(psTable(tunnels, { style, width: terminalWidth(io.stdout), now: Date.now() }));
    // On stderr: stdout has a row a tunnel and nothing else.
    const plainly = styleFor({ ansi: globals.ansi, env: io.env, output: io.stderr });
    const errors = missingLines(
      tunnels.filter((tunnel) => tunnel.error !== null || tunnel.waiting_on !== undefined),
      plainly,
    );
    if (errors.length > 0 && globals.progress !== 'quiet') io.stderr.write(`${errors.join('\n')}\n`);
  }
  return EXIT.done;
}
