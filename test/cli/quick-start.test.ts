/** What ps, port and env load before they answer: nothing that reads a configuration, connects or draws. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

/** Every file that is loaded with this one, and every package. */
function loadedWith(...entries: readonly string[]): { readonly files: string[]; readonly packages: string[] } {
  const files = new Set(entries.map((entry) => resolve(ROOT, entry)));
  const packages = new Set<string>();
  for (const file of files) {
    if (!existsSync(file)) throw new Error(`${file} is not there`);
    for (const [, types, name = ''] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) (type )?[^;]*?from '([^']+)'/gm)) {
      if (types !== undefined) continue;
      if (name.startsWith('.')) files.add(resolve(dirname(file), name));
      else if (!name.startsWith('node:')) packages.add(name);
    }
  }
  return { files: [...files].map((file) => relative(ROOT, file)), packages: [...packages] };
}

it.each(['ps', 'port', 'env'])('%s', (command) => {
  const { files, packages } = loadedWith('src/cli/cli.ts', 'src/cli/process-io.ts', `src/cli/commands/${command}.ts`);
  expect(packages).toEqual(['commander']);
  expect(files.filter((file) => /^src\/(engine|ssh|forward|runner|demo)\//.test(file))).toEqual([]);
  expect(files.filter((file) => file.startsWith('src/config/')).sort()).toEqual(['src/config/did-you-mean.ts', 'src/config/duration.ts']);
});
