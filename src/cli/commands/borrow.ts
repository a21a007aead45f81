/** Brings up what a command needs for as long as it runs: in a project that is up, or in one that is up for it alone. */
import { randomBytes } from 'node:crypto';
import type { DaemonClient } from '../../daemon/client.ts';
import { DaemonError, isDaemonError } from '../../daemon/daemon-error.ts';
import { findProject } from '../../daemon/find-project.ts';
import type { Place } from '../../daemon/place.ts';
import type { ApplyOutcome } from '../../daemon/protocol.ts';
import { tunnelsNamed } from '../../core/named.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import type { Leaving } from '../leaving.ts';
import { loadElsewhere } from '../load-options.ts';
import { chooseProgress, progressKind } from '../progress/choose.ts';
import type { Progress } from '../progress/progress.ts';
import { framesOf, tellProblems } from './apply-to-running.ts';
import { ensureUp } from './ensure-up.ts';
import { notUpYet, rise } from './rise.ts';
import type { RunOptions } from './run-options.ts';
import { unmetText } from './wait.ts';

/** Others may take the project down each time that this one has found it. */
const MOST_TRIES = 5;

export interface Borrowed {
  readonly client: DaemonClient;
  /** Of the use. */
  readonly id: string;
  /** Aborted when the project has ended. */
  readonly lost: AbortSignal;
  /** What the tunnels export. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface Borrowing extends RunOptions {
  readonly place: Place;
  readonly leave: Leaving;
}

/** Or the exit code where they did not come up, which is told, and nothing of it is left. */
export async function borrow(io: Io, globals: GlobalOptions, borrowing: Borrowing): Promise<Borrowed | number> {
  const { place, names, waitMs, leave } = borrowing;
  const progress = unobtrusive(io, globals, await chooseProgress(io, globals, framesOf(io, globals, place.file)));
  const id = randomBytes(12).toString('hex');
  let asking = 0;
  const begun = await begin(io, globals, { ...borrowing, id, progress, onAsking: (open) => void (asking += open ? 1 : -1) });
  if (begun === null) return EXIT.invalidConfiguration;
  const { client, detach } = begun;
  const lost = await client.hold(id);
  let isKept = false;
  try {
    const { signal } = leave;
    const rising = { client, progress, names: begun.tunnels, from: begun.from, isDrawn: begun.isNew, waitMs, signal };
    const { outcome, snapshot } = await rise({ ...rising, withPlans: progressKind(io, globals) === 'json', isAsking: () => asking > 0 });
    // The terminal is the command's from here on.
    await progress.settled(null);
    if (outcome !== 'met') {
      const missing = notUpYet(snapshot, begun.tunnels);
      progress.say(unmetText(io, globals, { outcome: outcome === 'timeout' ? 'timeout' : 'failed', missing, timeoutMs: waitMs }), 'error');
      return EXIT.failure;
    }
    const known = snapshot.tunnels.map(({ name }) => name);
    const asked = new Set(names.length > 0 ? names.flatMap((name) => tunnelsNamed(name, known)) : begun.tunnels);
    const bound = (await client.exports()).filter(({ tunnel }) => asked.has(tunnel));
    isKept = true;
    return { client, id, lost, variables: Object.assign({}, ...bound.map((each) => each.exports)) as Record<string, string> };
  } finally {
    detach();
    if (!isKept) await client.release({ id, drainMs: 0 }).catch(onlyDaemonErrors);
  }
}

interface Beginning extends Borrowing {
  readonly id: string;
  readonly progress: Progress;
  readonly onAsking: (open: boolean) => void;
}

interface Begun {
  readonly client: DaemonClient;
  readonly tunnels: readonly string[];
  /** The number of the first event that belongs to it. */
  readonly from: number;
  /** Something comes up. */
  readonly isNew: boolean;
  readonly detach: () => void;
}

/** Null: the configuration is not valid, which is told. */
async function begin(io: Io, globals: GlobalOptions, beginning: Beginning): Promise<Begun | null> {
  const { place, progress, id, names, noDeps, leave } = beginning;
  const load = await loadElsewhere(io, globals);
  for (let tries = 0; ; tries += 1) {
    const running = await findProject(place);
    if (running?.found.phase !== 'up') {
      const ensured = await ensureUp(io, globals, { ...beginning, load, watch: false, use: id });
      if (ensured.how === 'invalid') return told(io, globals, { outcome: ensured.outcome, progress, nothingWas: 'started' });
      if (ensured.how === 'started') {
        const { client, started } = ensured;
        tellProblems(io, globals, { outcome: started.outcome, progress });
        const tunnels = (await client.snapshot()).tunnels.map(({ name }) => name);
        return { client, tunnels, from: (await client.status()).events.first, isNew: true, detach: started.detach };
      }
    }
    const client = running?.found.phase === 'up' ? running : await findProject(place);
    try {
      if (!client) throw new DaemonError({ code: 'gone', message: 'the project ended as soon as it was up', hint: 'tunnels up says why' });
      const from = (await client.status()).events.next;
      const { outcome, tunnels } = await client.use({ id, names, noDeps, profiles: load.profiles }, { signal: leave.signal });
      if (!outcome.applied) return told(io, globals, { outcome, progress });
      return { client, tunnels, from, isNew: outcome.plan.steps.length > 0, detach: () => undefined };
    } catch (error) {
      // It went down just now: then it is brought up for this one alone.
      const isOver = isDaemonError(error) && ['gone', 'busy'].includes(error.code);
      if (leave.signal.aborted || !isOver || tries >= MOST_TRIES) throw error;
    }
  }
}

function told(
  io: Io,
  globals: GlobalOptions,
  problems: { readonly outcome: ApplyOutcome; readonly progress: Progress; readonly nothingWas?: 'started' },
): null {
  tellProblems(io, globals, problems);
  return null;
}

/** Notes are told when what they are about takes this long. Milliseconds. */
const PATIENCE = 1_000;

/** Lines of coming up would stand in the command's output: without a terminal to draw on there are none, but with -v. */
function unobtrusive(io: Io, globals: GlobalOptions, progress: Progress): Progress {
  if (globals.progress !== 'auto' || globals.verbosity > 0 || progressKind(io, globals) !== 'plain') return progress;
  const late = new Set<NodeJS.Timeout>();
  return {
    ...progress,
    event: () => undefined,
    say(text, kind) {
      if (kind === 'error') progress.say(text, kind);
      else late.add(setTimeout(() => progress.say(text, kind), PATIENCE).unref());
    },
    async settled() {
      for (const timer of late) clearTimeout(timer);
    },
  };
}

function onlyDaemonErrors(error: unknown): void {
  if (!isDaemonError(error)) throw error;
}
