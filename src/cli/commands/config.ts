/** `config`: the file as it is understood, with everything merged, interpolated, defaulted and looked up. */
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { loadedProject } from './loaded-project.ts';

export interface ConfigOptions {
  /** Only say whether it is valid. */
  readonly quiet: boolean;
  readonly format: 'yaml' | 'json';
}

export async function config(io: Io, globals: GlobalOptions, { quiet, format }: ConfigOptions): Promise<ExitCode> {
  const loaded = await loadedProject(io, globals);
  if (!loaded) return EXIT.invalidConfiguration;
  if (quiet) return EXIT.done;
  const { configDocument } = await import('../render/config-document.ts');
  const document = configDocument(loaded.project);
  if (format === 'json') io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  else {
    const { stringify } = await import('yaml');
    io.stdout.write(stringify(document, { lineWidth: 0, aliasDuplicateObjects: false }));
  }
  return EXIT.done;
}
