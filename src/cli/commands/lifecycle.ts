/** `stop`, `start` and `restart`: some tunnels of a running project, or all of them; the project itself stays. */
import { retryClass, type FailureCode } from '../../core/failure.ts';
import type { ErrorView } from '../../core/snapshot.ts';
import type { TunnelStateName } from '../../core/tunnel-state.ts';
import type { CallOptions, DaemonClient } from '../../daemon/client.ts';
import { isDaemonError } from '../../daemon/daemon-error.ts';
import type { StopRequest } from '../../daemon/protocol.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { leaving } from '../leaving.ts';
import { chooseProgress, lineByLine } from '../progress/choose.ts';
import { missingLines } from '../render/missing-text.ts';
import { colourPlan } from '../render/plan-text.ts';
import { counted } from '../render/quantity.ts';
import { styleFor } from '../render/style.ts';
import { namesMeant, runningProject } from '../running-project.ts';
import { firstTries, notOpenYet } from './rise.ts';

export interface LifecycleOptions {
  /** None is every tunnel. */
  readonly names: readonly string[];
  /** Milliseconds; null is each tunnel's own. */
  readonly drainMs: number | null;
}

type Command = (io: Io, globals: GlobalOptions, options: LifecycleOptions) => Promise<number>;

interface Verb {
  readonly call: (client: DaemonClient, request: Required<StopRequest>, options: CallOptions) => Promise<void>;
  /** Of `git` or `2 tunnels`. */
  readonly done: (which: string, names: readonly string[]) => string;
  /** They are to be open after it: their first try is waited for, and told where it fails. */
  readonly opens: boolean;
  /** For --dry-run: as a plan has it, and whether one in this state is concerned. */
  readonly sign: '+' | '-' | '~';
  readonly concerns: (state: TunnelStateName) => boolean;
}

const command =
  ({ call, done, opens, sign, concerns }: Verb): Command =>
  async (io, globals, { drainMs, ...asked }) => {
    const client = await runningProject(io, globals);
    const snapshot = await client.snapshot();
    const names = namesMeant(snapshot, asked.names);
    if (globals.dryRun) {
      const meant = snapshot.tunnels.filter(({ name, state }) => (names.length === 0 || names.includes(name)) && concerns(state));
      const lines = meant.map(({ name }) => `${sign} tunnel ${name}`);
      const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stdout });
      io.stdout.write(`${lines.length === 0 ? 'no changes' : colourPlan(lines.join('\n'), style).join('\n')}\n`);
      return EXIT.done;
    }
    const progress = await chooseProgress(io, lineByLine(io, globals), () => null);
    const leave = leaving(io);
    let told = false;
    const onWorking = (connections: number): void => {
      if (connections > 0 && !told) progress.say(`draining; ${counted(connections, 'connection')} of the project open`, 'note');
      told ||= connections > 0;
    };
    try {
      await call(client, { names, drainMs }, { signal: leave.signal, onWorking });
      if (opens) await firstTries({ client, names, isAsking: () => false, signal: leave.signal });
      const missing = opens ? notOpenYet(await client.snapshot(), names) : [];
      if (missing.length === 0) {
        progress.say(done(names.length > 0 ? names.join(', ') : counted(snapshot.tunnels.length, 'tunnel'), asked.names), 'note');
        return EXIT.done;
      }
      const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stderr });
      const isFinal = missing.some(({ state, error }) => state === 'failed' || needsUser(error));
      const next = isFinal ? [] : ['it goes on trying; tunnels logs -f follows it'];
      progress.say(['not open:', ...missingLines(missing, style).map((line) => `  ${line}`), ...next].join('\n'), 'error');
      return isFinal ? EXIT.failure : EXIT.done;
    } catch (error) {
      if (!leave.signal.aborted || !isDaemonError(error)) throw error;
      progress.say('it goes on without this command', 'note');
      return leave.cutShort();
    } finally {
      leave.unlisten();
    }
  };

/** It waits for a host that has failed. */
const needsUser = (error: ErrorView | null): boolean => error !== null && retryClass(error.code as FailureCode) === 'needs-user';

export const stop = command({
  call: (client, request, options) => client.stop(request, options),
  done: (which, names) => `${which} stopped; ${['tunnels start', ...names].join(' ')} opens ${names.length === 1 ? 'it' : 'them'} again`,
  opens: false,
  sign: '-',
  concerns: (state) => state !== 'closed',
});
export const start = command({
  call: (client, { names }, options) => client.start({ names }, options),
  done: (which) => `${which} started`,
  opens: true,
  sign: '+',
  concerns: (state) => state === 'closed' || state === 'failed',
});
export const restart = command({
  call: (client, request, options) => client.restart(request, options),
  done: (which) => `${which} restarted`,
  opens: true,
  sign: '~',
  concerns: () => true,
});
