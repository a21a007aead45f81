/** Which files make the configuration: those of -f, of TUNNELS_FILE, or the tunnels.yaml found upwards and its override. */
import { realpath } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { LoadOptions } from './loaded.ts';
import type { Problems } from './problems.ts';
import { readText } from './text-file.ts';

export interface FoundFile {
  /** Absolute; null for stdin. */
  readonly path: string | null;
  /** As diagnostics name it. */
  readonly name: string;
  readonly text: string;
}

export interface Found {
  /** In the order they are merged: later ones win. The first is the project's identity. */
  readonly files: readonly FoundFile[];
  readonly mainFile: string;
  readonly projectDirectory: string;
  readonly watch: readonly string[];
}

export const STDIN_NAME = '<stdin>';
const NAMES = ['tunnels.yaml', 'tunnels.yml'];
const OVERRIDES = ['tunnels.override.yaml', 'tunnels.override.yml'];

type Search = Pick<LoadOptions, 'cwd' | 'files' | 'env' | 'stdin'>;

/** Null where there is no file to begin with; `watch` then is what would have been read. */
export async function find(options: Search, problems: Problems): Promise<{ found: Found | null; watch: readonly string[] }> {
  const fromEnv = (options.env['TUNNELS_FILE'] ?? '').split(delimiter).filter((file) => file !== '');
  const named = options.files.length > 0 ? options.files : fromEnv;
  return named.length > 0 ? readNamed(named, options, problems) : search(options.cwd, problems);
}

async function readNamed(named: readonly string[], { cwd, stdin }: Search, problems: Problems): ReturnType<typeof find> {
  const files: FoundFile[] = [];
  const watch: string[] = [];
  for (const name of named) {
    if (name === '-') {
      files.push({ path: null, name: STDIN_NAME, text: stdin ?? '' });
      continue;
    }
    const path = resolve(cwd, name);
    watch.push(path);
    const text = await readText(path);
    if (text.ok) files.push({ path, name, text: text.value });
    else problems.add({ code: 'file-missing', message: `${name} ${text.error.why}`, at: null });
  }
  const [first] = files;
  if (!first || files.length < named.length) return { found: null, watch };
  return { found: await describe(files, first.path === null ? cwd : dirname(first.path), watch), watch };
}

async function search(cwd: string, problems: Problems): ReturnType<typeof find> {
  const watch = NAMES.map((name) => join(cwd, name));
  for (let directory = cwd; ; directory = dirname(directory)) {
    const main = await readFirst(directory, NAMES, problems);
    if (main) return withOverride(main, directory, problems);
    if (problems.failed || dirname(directory) === directory) break;
  }
  if (!problems.failed) {
    const hint = 'write one (tunnels init), or name it with -f';
    problems.add({ code: 'file-missing', message: `there is no tunnels.yaml in ${cwd} or above it`, at: null, hint });
  }
  return { found: null, watch };
}

async function withOverride(main: FoundFile, directory: string, problems: Problems): ReturnType<typeof find> {
  const override = await readFirst(directory, OVERRIDES, problems);
  const watch = [...(main.path === null ? [] : [main.path]), ...OVERRIDES.map((name) => join(directory, name))];
  return { found: await describe(override ? [main, override] : [main], directory, watch), watch };
}

/** The first of the names that is there; the others are said to be passed over. */
async function readFirst(directory: string, names: readonly string[], problems: Problems): Promise<FoundFile | null> {
  let first: FoundFile | null = null;
  for (const name of names) {
    const path = join(directory, name);
    const text = await readText(path);
    if (!text.ok && text.error.missing) continue;
    if (first) {
      problems.add({
        code: 'file-missing',
        severity: 'warning',
        message: `${name} is not read: there is a ${first.name} beside it`,
        at: null,
      });
    } else if (text.ok) first = { path, name, text: text.value };
    else {
      problems.add({ code: 'file-missing', message: `${path} ${text.error.why}`, at: null });
      return null;
    }
  }
  return first;
}

async function describe(files: readonly FoundFile[], directory: string, watch: readonly string[]): Promise<Found> {
  const real = async (path: string): Promise<string> => realpath(path).catch(() => path);
  const main = files[0]?.path ?? null;
  return { files, mainFile: main === null ? STDIN_NAME : await real(main), projectDirectory: await real(directory), watch };
}

/** Whether `path` is `directory` or below it. Both are real paths, or neither is. */
export function isInside(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return !isAbsolute(way) && way !== '..' && !/^\.\.[/\\]/.test(way);
}
