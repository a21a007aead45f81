/** Finds the process that holds a project, for a command that wants something of it. */
import { basename } from 'node:path';
import { lookAround } from './claim.ts';
import { DaemonClient } from './client.ts';
import { DaemonError } from './daemon-error.ts';
import { checkOwnDirectory } from './own-directory.ts';
import { projectFolder } from './paths.ts';
import type { Status } from './protocol.ts';

export interface Place {
  /** `stateRoot`. */
  readonly root: string;
  /** The project file's real path (`projectIdentity`). */
  readonly file: string;
}

/** Null where nobody holds it. One that is just starting or going down counts; one that has not won the project yet does not. */
export async function findProject({ root, file }: Place): Promise<DaemonClient | null> {
  const folder = projectFolder(root, file);
  if (!(await checkOwnDirectory(root, 'root')) || !(await checkOwnDirectory(folder, 'project'))) return null;
  const holder = (await lookAround(folder)).find(({ status }) => status.phase !== 'claiming');
  return holder ? new DaemonClient(holder.socket, holder.status) : null;
}

/** Rejects with `not-up` where nobody holds it. */
export async function connectProject(place: Place): Promise<DaemonClient> {
  const client = await findProject(place);
  if (client) return client;
  throw new DaemonError({ code: 'not-up', message: `${basename(place.file)} is not up`, hint: 'tunnels up -d' });
}

/** Whether it runs what this process would run. */
export const isSameBuild = (status: Pick<Status, 'build'>, build: string): boolean => status.build === build;
