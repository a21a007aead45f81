/** `env`: what the tunnels export, for programs that use them. */
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { dotenvText, jsonText, shellText } from '../render/exports-text.ts';
import { missingLines } from '../render/missing-text.ts';
import { styleFor } from '../render/style.ts';
import { checkNames, runningProject } from '../running-project.ts';

export interface EnvOptions {
  /** None is every tunnel. */
  readonly names: readonly string[];
  readonly format: 'shell' | 'dotenv' | 'json';
}

const TEXT = { shell: shellText, dotenv: dotenvText, json: jsonText } as const;

/** What is not bound has nothing to export: that is said, and a failure where it was asked for by name. */
export async function env(io: Io, globals: GlobalOptions, { names, format }: EnvOptions): Promise<number> {
  const client = await runningProject(io, globals);
  const isAsked = (name: string): boolean => names.length === 0 || names.includes(name);
  const [all, everything] = await Promise.all([client.exports(), names.length === 0 ? client.snapshot() : null]);
  const bound = all.filter((each) => isAsked(each.tunnel));
  const boundNames = new Set(bound.map((each) => each.tunnel));
  // Where all that was asked for is there, nothing else needs to be known.
  const snapshot = everything ?? (names.every((name) => boundNames.has(name)) ? null : await client.snapshot());
  if (snapshot) checkNames(snapshot, names);
  io.stdout.write(TEXT[format](Object.assign({}, ...bound.map((each) => each.exports))));
  const missing = snapshot?.tunnels.filter((tunnel) => isAsked(tunnel.name) && !boundNames.has(tunnel.name)) ?? [];
  if (missing.length === 0) return EXIT.done;
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stderr });
  io.stderr.write(`tunnels: listening nowhere yet, so nothing is exported of\n${missingLines(missing, style).join('\n')}\n`);
  return names.length === 0 ? EXIT.done : EXIT.failure;
}
