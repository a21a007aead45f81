/** Programs of the tests as files that node can run. */
import { join, resolve } from 'node:path';
import { build } from 'tsdown';

/** `played-program` or `real-program`, to a file in `directory`; the real one needs its packages, so it must be below the root. */
export async function buildProgram(name: 'played-program' | 'real-program', directory: string): Promise<string> {
  await build({
    entry: { [name]: resolve(import.meta.dirname, `${name}.ts`) },
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
