/** Which project a command is about, without reading its file: the process that holds it has. */
import { access } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { foldersOf, type Place } from '../daemon/place.ts';
import { projectIdentity, stateRoot } from '../daemon/paths.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';

/** As config/find looks for them, in this order. */
const NAMES = ['tunnels.yaml', 'tunnels.yml'];
/** What stands for the file of `-f -`, which is one project a directory. */
const STDIN = '<stdin>';

type Asked = Pick<GlobalOptions, 'files'>;

/** The first of -f, of TUNNELS_FILE, or the file found upwards, by its real path. Null where there is none. */
export async function projectPlace({ cwd, env }: Pick<Io, 'cwd' | 'env'>, { files }: Asked): Promise<Place | null> {
  const root = stateRoot(env);
  const fromEnv = (env['TUNNELS_FILE'] ?? '').split(delimiter).filter((file) => file !== '');
  const [named] = files.length > 0 ? files : fromEnv;
  if (named === '-') return { root, file: join(cwd, STDIN) };
  if (named !== undefined) return { root, file: await projectIdentity(resolve(cwd, named)) };
  const found = (await upwards(cwd, exists)) ?? (await upwards(cwd, (file) => isHeld(root, file)));
  return found === null ? null : { root, file: await projectIdentity(found) };
}

async function upwards(cwd: string, matches: (file: string) => Promise<boolean>): Promise<string | null> {
  for (let directory = cwd; ; directory = dirname(directory)) {
    for (const name of NAMES) if (await matches(join(directory, name))) return join(directory, name);
    if (dirname(directory) === directory) return null;
  }
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** A file that was removed while its project is up: the project can still be asked, and taken down. */
async function isHeld(root: string, file: string): Promise<boolean> {
  return (await foldersOf({ root, file: await projectIdentity(file) })).length > 0;
}
