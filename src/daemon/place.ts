/** A project's place: the folder in the state directory, and what stands for it where that cannot be used. */
import { dirname } from 'node:path';
import { removeFolder } from './control-sockets.ts';
import { isDaemonError, type DaemonError } from './daemon-error.ts';
import { checkOwnDirectory, ensureOwnDirectory } from './own-directory.ts';
import { projectFolder } from './paths.ts';
import { newSpareRoots, removeSpareRoot, spareRoots } from './spare-roots.ts';

export interface Place {
  /** `stateRoot`. */
  readonly root: string;
  /** The project file's real path (`projectIdentity`). */
  readonly file: string;
}

/** The folder in the state directory; null where there is none. Rejects where it is not its owner's alone. */
export async function usualFolder({ root, file }: Place): Promise<string | null> {
  const folder = projectFolder(root, file);
  return (await checkOwnDirectory(root, 'root')) && (await checkOwnDirectory(folder, 'project')) ? folder : null;
}

export async function spareFolders({ root, file }: Place): Promise<string[]> {
  const folders: string[] = [];
  for (const spare of await spareRoots(root)) {
    const folder = projectFolder(spare, file);
    if (await checkOwnDirectory(folder, 'project')) folders.push(folder);
  }
  return folders;
}

/** Every folder in which the project may be held. A state directory that cannot be looked into holds nothing for us. */
export async function foldersOf(place: Place): Promise<string[]> {
  const usual = await usualFolder(place).catch((error: unknown) => whereUsable(error));
  return [...(usual === null ? [] : [usual]), ...(await spareFolders(place))];
}

/** Folders to hold the project in, the best first; each is made when it is asked for. `onUnusable` is told of those that cannot be. */
export async function* candidates(place: Place, onUnusable: (error: DaemonError) => void): AsyncGenerator<string> {
  for await (const root of rootsFor(place.root)) {
    const folder = projectFolder(root, place.file);
    try {
      await ensureOwnDirectory(root, 'root');
      await ensureOwnDirectory(folder, 'project');
    } catch (error) {
      whereUsable(error);
      onUnusable(error as DaemonError);
      await removeSpareRoot(place.root, root);
      continue;
    }
    yield folder;
  }
}

/** The folder goes with the last of what is in it, and a spare root with the last of its folders. */
export async function leaveFolder({ root }: Place, folder: string): Promise<void> {
  await removeFolder(folder);
  await removeSpareRoot(root, dirname(folder));
}

async function* rootsFor(root: string): AsyncGenerator<string> {
  yield root;
  yield* await spareRoots(root);
  yield* newSpareRoots(root);
}

function whereUsable(error: unknown): null {
  if (isDaemonError(error) && error.code === 'state-unusable') return null;
  throw error;
}
