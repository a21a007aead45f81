/** Starts the project in the background, or finds it there: what `up -d` begins with, and `up` on one of an older build. */
import type { Ensured } from '../../daemon/ensure-daemon.ts';
import { findProject, isSameBuild } from '../../daemon/find-project.ts';
import type { Place } from '../../daemon/place.ts';
import { PROTOCOL } from '../../daemon/build-id.ts';
import type { Questions } from '../../runner/runner-port.ts';
import type { LoadChange } from '../../runner/selection.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { loadOptions } from '../load-options.ts';
import type { Progress } from '../progress/progress.ts';
import { terminalQuestions } from '../questions.ts';
import { phaseText } from '../render/phase-text.ts';
import type { Leaving } from '../leaving.ts';

export interface Ensuring {
  readonly place: Place;
  readonly load: LoadChange;
  readonly names: readonly string[];
  readonly noDeps: boolean;
  readonly watch: boolean;
  /** The project is up for this use alone. */
  readonly use?: string;
  readonly progress: Progress;
  readonly leave: Leaving;
  /** Told when a question is put and when it is answered. */
  readonly onAsking?: (open: boolean) => void;
}

/** When this resolves with `started`, the process can still ask until it is detached. */
export async function ensureUp(io: Io, globals: GlobalOptions, ensuring: Ensuring): Promise<Ensured> {
  const { place, noDeps, watch, use, progress, leave } = ensuring;
  const names = await namesOf(io, globals, ensuring);
  return io.ensureDaemon({
    request: { load: ensuring.load, ...place, names, noDeps, watch, verbosity: globals.verbosity, ...(use === undefined ? {} : { use }) },
    env: io.env,
    build: io.build,
    signal: leave.signal,
    questions: told(
      terminalQuestions({ io, suspend: () => progress.suspend(), onInterrupt: leave.interrupt }),
      ensuring.onAsking ?? (() => undefined),
    ),
    onWaiting: (status) => progress.say(phaseText(status), 'note'),
    onReplacing: ({ pid, build }) =>
      progress.say(`process ${pid} is of another build (${build}): it goes down, and the project comes up in this one`, 'note'),
  });
}

/** One of an older build goes down with all it has: what it had stays asked for, as far as the file still has it. */
async function namesOf(io: Io, globals: GlobalOptions, { place, names }: Ensuring): Promise<readonly string[]> {
  if (names.length === 0) return names;
  const old = await findProject(place);
  if (!old || old.found.phase !== 'up' || isSameBuild(old.found, io.build) || old.found.protocol !== PROTOCOL) return names;
  const both = [...new Set([...(await old.snapshot()).tunnels.map((tunnel) => tunnel.name), ...names])];
  return (await io.load(await loadOptions(io, globals, both))).ok ? both : names;
}

function told(questions: Questions, onAsking: (open: boolean) => void): Questions {
  const during = async <T>(answer: Promise<T>): Promise<T> => {
    onAsking(true);
    return answer.finally(() => onAsking(false));
  };
  return {
    secret: (question, signal) => during(questions.secret(question, signal)),
    hostKey: (question, signal) => during(questions.hostKey(question, signal)),
  };
}
