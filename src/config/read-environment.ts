/** The variables `${NAME}` and `{env: NAME}` look in: env files, and over them the environment. */
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import type { LoadOptions } from './loaded.ts';
import type { Problems } from './problems.ts';
import { readText } from './text-file.ts';

export interface ReadEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  readonly watch: readonly string[];
  /** Of the files that were read, in order. */
  readonly texts: readonly string[];
}

type Options = Pick<LoadOptions, 'cwd' | 'envFiles' | 'env'>;

export async function readEnvironment(options: Options, projectDirectory: string, problems: Problems): Promise<ReadEnvironment> {
  const named = options.envFiles.map((file) => ({ name: file, path: resolve(options.cwd, file), optional: false }));
  const files = named.length > 0 ? named : [{ name: '.env', path: join(projectDirectory, '.env'), optional: true }];
  const variables: Record<string, string> = {};
  const texts: string[] = [];
  for (const { name, path, optional } of files) {
    const text = await readText(path);
    if (text.ok) {
      texts.push(text.value);
      Object.assign(variables, parseEnv(text.value));
    } else if (!(optional && text.error.missing)) {
      problems.add({ code: 'file-missing', message: `${name} ${text.error.why}`, at: null });
    }
  }
  for (const [name, value] of Object.entries(options.env)) if (value !== undefined) variables[name] = value;
  return { variables, watch: files.map((file) => file.path), texts };
}
