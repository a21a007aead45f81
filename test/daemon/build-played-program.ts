/** The played program as one file that node can run. */
import { join, resolve } from 'node:path';
import { build } from 'tsdown';

const ENTRY = resolve(import.meta.dirname, 'played-program.ts');

export async function buildPlayedProgram(directory: string): Promise<string> {
  await build({
    entry: { played: ENTRY },
    outDir: directory,
    config: false,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    fixedExtension: false,
    dts: false,
    logLevel: 'error',
    clean: false,
    hash: false,
  });
  return join(directory, 'played.js');
}
