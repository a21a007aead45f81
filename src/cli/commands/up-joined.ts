/** `up` in the foreground on a project another process runs: the file is applied, then its events are followed; it outlives this. */
import type { DaemonClient } from '../../daemon/client.ts';
import { isSameBuild } from '../../daemon/find-project.ts';
import type { Place } from '../../daemon/place.ts';
import { isDaemonError } from '../../daemon/daemon-error.ts';
import type { LoadChange } from '../../runner/selection.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { leaving } from '../leaving.ts';
import { loadElsewhere } from '../load-options.ts';
import { endedAlone } from '../running-project.ts';
import { chooseProgress, lineByLine, progressKind } from '../progress/choose.ts';
import { applyToRunning, framesOf, tellProblems } from './apply-to-running.ts';
import { ensureUp } from './ensure-up.ts';
import type { UpOptions } from './up-options.ts';

export interface Joining {
  readonly client: DaemonClient;
  readonly options: UpOptions;
  readonly load: LoadChange;
  /** Called at the end: until then this process answers the other one's questions. */
  readonly detach?: () => void;
}

export async function upJoined(io: Io, globals: GlobalOptions, { client, options, load, detach }: Joining): Promise<number> {
  const progress = await chooseProgress(io, lineByLine(io, globals), framesOf(io, globals, client.found.file));
  const leave = leaving(io);
  try {
    const { signal } = leave;
    const { pid, build, mode } = client.found;
    if (mode === 'foreground' && !isSameBuild(client.found, io.build))
      progress.say(`process ${pid} is of another build (${build}), and goes on in that: it is in the foreground elsewhere`, 'note');
    const began = Date.now();
    const applied = detach ? 'same' : await applyToRunning(io, globals, { ...options, client, load, progress, signal });
    if (applied === 'invalid') return EXIT.invalidConfiguration;
    // A program reads of the plan in its event; people were told.
    const since = progressKind(io, globals) === 'json' ? began : Date.now();
    const graph = await client.graph();
    if (graph) progress.begin(graph);
    await progress.settled(await client.snapshot(), 'tunnels down closes them');
    progress.say('following what happens; Ctrl-C leaves it running', 'note');
    let stopped = false;
    for await (const line of client.events({ since, follow: true }, signal)) {
      if (line.type === 'dropped') continue;
      progress.event(line);
      if (line.type === 'stopped') stopped = true;
    }
    if (signal.aborted) {
      progress.say('left running; tunnels down takes it down', 'note');
      return leave.code();
    }
    if (stopped) return EXIT.done;
    progress.say(endedAlone(client), 'error');
    return EXIT.failure;
  } catch (error) {
    if (!leave.signal.aborted || !isDaemonError(error)) throw error;
    return leave.code();
  } finally {
    leave.unlisten();
    detach?.();
  }
}

interface BringingOver {
  readonly place: Place;
  readonly options: UpOptions;
}

/** One of another build in the background: it is started anew in this one, and stays in the background. The exit code. */
export async function upReplacing(io: Io, globals: GlobalOptions, { place, options }: BringingOver): Promise<number> {
  const progress = await chooseProgress(io, lineByLine(io, globals), framesOf(io, globals, place.file));
  const load = await loadElsewhere(io, globals);
  const leave = leaving(io);
  try {
    const ensured = await ensureUp(io, globals, { ...options, place, load, progress, leave });
    if (ensured.how === 'invalid') {
      tellProblems(io, globals, { outcome: ensured.outcome, progress, nothingWas: 'started' });
      return EXIT.invalidConfiguration;
    }
    const detach = ensured.how === 'started' ? { detach: ensured.started.detach } : {};
    return await upJoined(io, globals, { client: ensured.client, options, load, ...detach });
  } catch (error) {
    if (!leave.signal.aborted || !isDaemonError(error)) throw error;
    return leave.code();
  } finally {
    leave.unlisten();
  }
}
