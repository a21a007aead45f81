/** `up -d`: joins the project if it is up, starts it if it is not, and brings one of an older build over to this one. */
import { DaemonClient, otherBuild } from './client.ts';
import { DaemonError, isDaemonError } from './daemon-error.ts';
import { findProject, isSameBuild } from './find-project.ts';
import type { Status } from './protocol.ts';
import { startDaemon, type Started, type StartOptions } from './spawn.ts';

export interface EnsureOptions extends StartOptions {
  /** `buildId` of this process. */
  readonly build: string;
  /** An older build is about to be replaced: its tunnels go down and come up again. */
  readonly onReplacing?: (status: Status) => void;
}

export type Ensured =
  /** Started now. `client` reaches it; `detach` leaves it alone. */
  | { readonly how: 'started'; readonly client: DaemonClient; readonly started: Extract<Started, { readonly type: 'ready' }> }
  /** It was up: nothing has been applied. */
  | { readonly how: 'joined'; readonly client: DaemonClient }
  | { readonly how: 'invalid'; readonly outcome: Extract<Started, { readonly type: 'invalid' }>['outcome'] };

export async function ensureDaemon(options: EnsureOptions): Promise<Ensured> {
  const found = await findProject(options.request);
  if (found?.found.phase === 'up') {
    if (isSameBuild(found.found, options.build)) return { how: 'joined', client: found };
    await replace(found, options);
  }
  const started = await startDaemon(options);
  if (started.type === 'invalid') return { how: 'invalid', outcome: started.outcome };
  if (started.type === 'joined') return { how: 'joined', client: new DaemonClient(started.socket, started.status) };
  const client = await findProject(options.request);
  if (client) return { how: 'started', client, started };
  started.detach();
  throw new DaemonError({ code: 'gone', message: 'the project ended as soon as it was up', hint: 'run tunnels up without -d to see why' });
}

/** With its drain: connections that are open may finish, and the names asked for before are asked for again by the caller. */
async function replace(old: DaemonClient, { onReplacing }: EnsureOptions): Promise<void> {
  const status = old.found;
  if (status.mode === 'foreground') throw otherBuild(status);
  onReplacing?.(status);
  try {
    await old.down({ drainMs: null, keepJournal: true });
  } catch (error) {
    // Another `up` was quicker to take it down.
    if (!isDaemonError(error) || error.code !== 'gone') throw error;
  }
}
