/** The running project a command is about. */
import { basename, dirname } from 'node:path';
import { didYouMean } from '../config/did-you-mean.ts';
import type { Snapshot } from '../core/snapshot.ts';
import type { DaemonClient } from '../daemon/client.ts';
import { DaemonError } from '../daemon/daemon-error.ts';
import { findProject } from '../daemon/find-project.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { projectPlace } from './project-place.ts';
import { UsageError } from './usage-error.ts';

/** Milliseconds that one which is just starting may take to read its file. */
const STARTING_LIMIT = 30_000;
const LOOK_EVERY = 25;

/** Null where nobody holds it. Rejects with `not-up` where there is no file either. */
export async function findRunning(io: Io, globals: GlobalOptions): Promise<DaemonClient | null> {
  const place = await projectPlace(io, globals);
  if (!place)
    throw notUp(
      `there is no tunnels.yaml in ${io.cwd} or above it, so nothing of it is up`,
      'name one with -f; tunnels ls shows what is up',
    );
  return findProject(place);
}

/** Rejects with `not-up` where nobody holds it. One that is just starting is waited for: what it has is not known before. */
export async function runningProject(io: Io, globals: GlobalOptions): Promise<DaemonClient> {
  const deadline = performance.now() + STARTING_LIMIT;
  for (;;) {
    const client = await findRunning(io, globals);
    if (!client) throw notUp(`${await projectWords(io, globals)} is not up`, 'tunnels up -d');
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
  const place = await projectPlace(io, globals);
  return place === null ? 'the project' : `${basename(dirname(place.file))}/${basename(place.file)}`;
}

const notUp = (message: string, hint: string): DaemonError => new DaemonError({ code: 'not-up', message, hint });

/** A name that nothing of the running project has is a slip of the command line: exit code 2, before anything is done. */
export function checkNames(snapshot: Snapshot, names: readonly string[], kinds: 'tunnels' | 'tunnels and hosts' = 'tunnels'): void {
  const known = [...snapshot.tunnels, ...(kinds === 'tunnels' ? [] : snapshot.hosts)].map((each) => each.name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = didYouMean(name, known);
    const up = known.length === 0 ? 'none is' : `up are ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}`;
    throw new UsageError(`no tunnel "${name}" is up${near === null ? '' : `, ${near}`}`, near === null ? up : null);
  }
}
