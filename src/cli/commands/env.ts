/** `env`: what the tunnels export, for programs that use them. */
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { dotenvText } from '../render/dotenv-text.ts';
import { jsonText, shellText, type Variables } from '../render/exports-text.ts';
import { missingLines } from '../render/missing-text.ts';
import { styleFor } from '../render/style.ts';
import { namesMeant, runningProject } from '../running-project.ts';

export interface EnvOptions {
  /** None is every tunnel. */
  readonly names: readonly string[];
  readonly format: 'shell' | 'dotenv' | 'json';
}

/** What is not bound has nothing to export: that is said, and a failure where it was asked for by name. */
export async function env(io: Io, globals: GlobalOptions, { names, format }: EnvOptions): Promise<number> {
  const client = await runningProject(io, globals);
  const [all, everything] = await Promise.all([client.exports(), names.length === 0 ? client.snapshot() : null]);
  const allNames = new Set(all.map((each) => each.tunnel));
  // Where all that was asked for is there, nothing else needs to be known.
  const snapshot = everything ?? (names.every((name) => allNames.has(name)) ? null : await client.snapshot());
  const meant = snapshot ? namesMeant(snapshot, names) : names;
  const isAsked = (name: string): boolean => meant.length === 0 || meant.includes(name);
  const bound = all.filter((each) => isAsked(each.tunnel));
  if (!print(io, format, Object.assign({}, ...bound.map((each) => each.exports)) as Variables)) return EXIT.failure;
  const missing = snapshot?.tunnels.filter((tunnel) => isAsked(tunnel.name) && !allNames.has(tunnel.name)) ?? [];
  if (missing.length === 0) return EXIT.done;
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stderr });
  io.stderr.write(`tunnels: listening nowhere yet, so nothing is exported of\n${missingLines(missing, style).join('\n')}\n`);
  return names.length === 0 ? EXIT.done : EXIT.failure;
}

/** False: a file that leaves some out would be worse than none, and that is told. */
function print(io: Io, format: EnvOptions['format'], variables: Variables): boolean {
  if (format !== 'dotenv') {
    io.stdout.write(format === 'json' ? jsonText(variables) : shellText(variables));
    return true;
  }
  const written = dotenvText(variables);
  if ('text' in written) io.stdout.write(written.text);
  else
    io.stderr.write(
      `tunnels: no .env file holds ${written.unwritable.join(', ')} so that node and docker compose both read it back as it is\n→ use --format json or shell\n`,
    );
  return 'text' in written;
}
