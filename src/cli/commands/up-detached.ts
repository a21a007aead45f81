/** `up -d`: the project goes on in the background; what came of it is told before the command ends. */
import { isDaemonError } from '../../daemon/daemon-error.ts';
import type { DaemonClient } from '../../daemon/client.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { leaving } from '../leaving.ts';
import { loadElsewhere } from '../load-options.ts';
import { chooseProgress, progressKind } from '../progress/choose.ts';
import type { Progress } from '../progress/progress.ts';
import { projectPlace } from '../project-place.ts';
import { missingLines } from '../render/missing-text.ts';
import { styleFor } from '../render/style.ts';
import { openCount } from '../render/summary.ts';
import { applyToRunning, framesOf, tellProblems } from './apply-to-running.ts';
import { ensureUp } from './ensure-up.ts';
import { loadedProject } from './loaded-project.ts';
import { isHopeless, notUpYet, rise, type Risen } from './rise.ts';

export interface DetachedOptions {
  readonly names: readonly string[];
  readonly noDeps: boolean;
  readonly watch: boolean;
  /** --wait: milliseconds; null does not wait for more than the first tries. */
  readonly waitMs: number | null;
}

export async function upDetached(io: Io, globals: GlobalOptions, options: DetachedOptions): Promise<number> {
  const place = await projectPlace(io, globals);
  if (!place) {
    // Loading says what it looked for.
    await loadedProject(io, globals, options.names);
    return EXIT.invalidConfiguration;
  }
  const progress = await chooseProgress(io, globals, framesOf(io, globals, place.file));
  // Once: stdin can be read once only.
  const load = await loadElsewhere(io, globals);
  const leave = leaving(io);
  let asking = 0;
  let detach = (): void => undefined;
  let client: DaemonClient | null = null;
  try {
    const onAsking = (open: boolean): void => void (asking += open ? 1 : -1);
    const ensured = await ensureUp(io, globals, { ...options, place, load, progress, leave, onAsking });
    if (ensured.how === 'invalid') {
      tellProblems(io, globals, { outcome: ensured.outcome, progress, nothingWas: 'started' });
      return EXIT.invalidConfiguration;
    }
    client = ensured.client;
    const { events } = await client.status();
    let from = events.next;
    let isDrawn = true;
    if (ensured.how === 'started') {
      detach = ensured.started.detach;
      from = events.first;
      tellProblems(io, globals, { outcome: ensured.started.outcome, progress });
    } else {
      const applied = await applyToRunning(io, globals, { ...options, client, load, progress, signal: leave.signal });
      if (applied === 'invalid') return EXIT.invalidConfiguration;
      isDrawn = applied === 'changed';
    }
    const withPlans = progressKind(io, globals) === 'json';
    const risen = await rise({ ...options, client, progress, from, isDrawn, withPlans, isAsking: () => asking > 0, signal: leave.signal });
    return await tell(io, globals, { risen, progress, options });
  } catch (error) {
    if (!leave.signal.aborted || !(isDaemonError(error) || isAbort(error))) throw error;
    await progress.settled(null);
    progress.say(client ? 'left running; tunnels down takes it down' : 'given up: nothing was started', 'note');
    return leave.cutShort();
  } finally {
    leave.unlisten();
    detach();
  }
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

interface Telling {
  readonly risen: Risen;
  readonly progress: Progress;
  readonly options: DetachedOptions;
}

async function tell(io: Io, globals: GlobalOptions, { risen, progress, options }: Telling): Promise<number> {
  const { snapshot, outcome } = risen;
  await progress.settled(snapshot, 'left up in the background, tunnels down closes');
  const { open, text } = openCount(snapshot);
  const missing = notUpYet(snapshot, options.names);
  if (missing.length === 0) return EXIT.done;
  const head = outcome === 'timeout' ? `${text} after ${(options.waitMs ?? 0) / 1000}s` : text;
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stderr });
  // The causes stand above already, where they have come up only now.
  const isNews = missing.some(({ error }) => error === null || !risen.told.has(error.message));
  const why = isNews
    ? missingLines(missing, style)
        .map((line) => `\n  ${line}`)
        .join('')
    : ` ${missing.map(({ name }) => name).join(', ')}`;
  progress.say(`${head}; not up:${why}\n${next(snapshot, options)}`, 'error');
  if (options.waitMs !== null) return EXIT.failure;
  return open === 0 && isHopeless(snapshot) ? EXIT.failure : EXIT.done;
}

function next(snapshot: Risen['snapshot'], { watch }: DetachedOptions): string {
  const isFinal = snapshot.tunnels.some((tunnel) => tunnel.state === 'failed') || snapshot.hosts.some((host) => host.state === 'failed');
  if (!isFinal) return 'it goes on trying in the background; tunnels logs -f follows it, tunnels down ends it';
  return `the project stays up; fix it and ${watch ? 'save the file' : 'run tunnels up -d again'}, or end it with tunnels down`;
}
