/** The running project a command is about. */
import { basename, dirname } from 'node:path';
import { didYouMean } from '../config/did-you-mean.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { DaemonClient } from '../daemon/client.ts';
import { DaemonError } from '../daemon/daemon-error.ts';
import { findProject } from '../daemon/find-project.ts';
import { stateRoot } from '../daemon/paths.ts';
import { tunnelsNamed } from '../core/named.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { projectPlace } from './project-place.ts';
import { UsageError } from './usage-error.ts';

/** Milliseconds that one which is just starting may take to read its file. */
const STARTING_LIMIT = 30_000;
const LOOK_EVERY = 25;

/** Null where nobody holds it. Rejects with `not-up` where there is no file either. */
export async function findRunning(io: Io, globals: GlobalOptions): Promise<DaemonClient | null> {
  const name = nameAlone(io, globals);
  if (name !== null) return findNamed(io, globals, name);
  const place = await projectPlace(io, globals);
  if (!place)
    throw notUp(
      `there is no tunnels.yaml in ${io.cwd} or above it, so nothing of it is up`,
      'name one with -f or -p; tunnels ls shows what is up',
    );
  return findProject(place);
}

/** -p without a file: the project that is up under this name, wherever its file is. */
const nameAlone = (io: Io, { projectName, files }: GlobalOptions): string | null =>
  files.length === 0 && (io.env['TUNNELS_FILE'] ?? '') === '' ? projectName : null;

async function findNamed(io: Io, globals: GlobalOptions, name: string): Promise<DaemonClient | null> {
  const place = await projectPlace(io, globals);
  const near = place && (await findProject(place));
  // One that is just starting has not said its name yet.
  if (near && [name, ''].includes(near.found.project)) return near;
  const { listProjects } = await import('../daemon/list-projects.ts');
  const named = (await listProjects(stateRoot(io.env))).flatMap((each) =>
    each.state === 'running' && each.status.project === name ? [each] : [],
  );
  if (named.length > 1) {
    const files = named.map(({ status }) => status.file).join(', ');
    throw new UsageError(`${named.length} projects that are up are called "${name}"`, `name the file of one with -f: ${files}`);
  }
  const [found] = named;
  return found ? new DaemonClient(found.socket, found.status) : null;
}

/** Rejects with `not-up` where nobody holds it. One that is just starting is waited for: what it has is not known before. */
export async function runningProject(io: Io, globals: GlobalOptions): Promise<DaemonClient> {
  const deadline = performance.now() + STARTING_LIMIT;
  for (;;) {
    const client = await findRunning(io, globals);
    if (!client)
      throw notUp(
        `${await projectWords(io, globals)} is not up`,
        nameAlone(io, globals) === null ? 'tunnels up -d' : 'tunnels ls shows what is',
      );
    if (client.found.phase !== 'starting') return client;
    if (performance.now() >= deadline) {
      const { pid } = client.found;
      const message = `process ${pid} has been starting the project for ${STARTING_LIMIT / 1000} s`;
      throw new DaemonError({ code: 'no-answer', message, hint: `if it hangs, end it (kill ${pid})` });
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
  }
}

/** `shop/tunnels.yaml`: enough to know which one is meant. */
export async function projectWords(io: Io, globals: GlobalOptions): Promise<string> {
  const name = nameAlone(io, globals);
  if (name !== null) return `project "${name}"`;
  const place = await projectPlace(io, globals);
  return place === null ? 'the project' : `${basename(dirname(place.file))}/${basename(place.file)}`;
}

/** Its events have come to an end, and the last of them was not that it stopped. */
export const endedAlone = ({ found }: Pick<DaemonClient, 'found'>): string =>
  `process ${found.pid} ended without taking the project down; tunnels up -d brings it up again`;

const notUp = (message: string, hint: string): DaemonError => new DaemonError({ code: 'not-up', message, hint });

/**
 * The tunnels and hosts that names of the command line mean; none is all. A name that nothing of the running project has is a slip:
 * exit code 2, before anything is done.
 */
export function namesMeant(
  snapshot: Snapshot,
  names: readonly string[],
  kinds: 'tunnels' | 'tunnels and hosts' = 'tunnels',
): readonly string[] {
  const tunnels = snapshot.tunnels.map(({ name }) => name);
  const hosts = kinds === 'tunnels' ? [] : snapshot.hosts.map(({ name }) => name);
  return [...new Set(names.flatMap((name) => (hosts.includes(name) ? [name] : meant(name, tunnels, hosts))))];
}

function meant(name: string, tunnels: readonly string[], hosts: readonly string[]): readonly string[] {
  const named = tunnelsNamed(name, tunnels);
  if (named.length > 0) return named;
  const known = [...tunnels, ...hosts];
  const near = didYouMean(name, known);
  const up = known.length === 0 ? 'none is' : `up are ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}`;
  throw new UsageError(`no tunnel "${name}" is up${near === null ? '' : `, ${near}`}`, near === null ? up : null);
}
