/** Programs of the tests as files that node can run. */
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsdown';

const PROGRAMS = {
  played: new URL('./played-program.ts', import.meta.url),
  /** Needs its packages, so it must be put below the project's root. */
  real: new URL('./real-program.ts', import.meta.url),
};

/** The program as a file in `directory`. */
export async function buildProgram(which: keyof typeof PROGRAMS, directory: string): Promise<string> {
  const source = fileURLToPath(PROGRAMS[which]);
  const name = basename(source, '.ts');
  await build({
    entry: { [name]: source },
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
    deps: { neverBundle: ['ssh2', 'cpu-features'], onlyBundle: false },
  });
  return join(directory, `${name}.js`);
}
