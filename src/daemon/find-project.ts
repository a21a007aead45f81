/** Finds the process that holds a project, for a command that wants something of it. */
import { basename } from 'node:path';
import { lookAround, type Alive } from './claim.ts';
import { DaemonClient } from './client.ts';
import { DaemonError, isDaemonError } from './daemon-error.ts';
import { spareFolders, usualFolder, type Place } from './place.ts';
import type { Status } from './protocol.ts';

/** Null where nobody holds it. One that is just starting or going down counts; one that has not won the project yet does not. */
export async function findProject(place: Place): Promise<DaemonClient | null> {
  const blocked: DaemonError[] = [];
  const usual = await usualFolder(place).catch((error: unknown) => {
    if (!isDaemonError(error) || error.code !== 'state-unusable') throw error;
    blocked.push(error);
    return null;
  });
  const holder = (usual === null ? null : await holderIn([usual])) ?? (await holderIn(await spareFolders(place)));
  if (holder) return new DaemonClient(holder.socket, holder.status);
  for (const error of blocked) throw error;
  return null;
}

const holderIn = async (folders: readonly string[]): Promise<Alive | undefined> =>
  (await lookAround(folders)).find(({ status }) => status.phase !== 'claiming');

/** Rejects with `not-up` where nobody holds it. */
export async function connectProject(place: Place): Promise<DaemonClient> {
  const client = await findProject(place);
  if (client) return client;
  throw new DaemonError({ code: 'not-up', message: `${basename(place.file)} is not up`, hint: 'tunnels up -d' });
}

/** Whether it runs what this process would run. */
export const isSameBuild = (status: Pick<Status, 'build'>, build: string): boolean => status.build === build;
