/** `stop`, `start` and `restart`: some tunnels of a running project, or all of them; the project itself stays. */
import type { CallOptions, DaemonClient } from '../../daemon/client.ts';
import { isDaemonError } from '../../daemon/daemon-error.ts';
import type { StopRequest } from '../../daemon/protocol.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { leaving } from '../leaving.ts';
import { chooseProgress } from '../progress/choose.ts';
import { counted } from '../render/quantity.ts';
import { checkNames, runningProject } from '../running-project.ts';

export interface LifecycleOptions {
  /** None is every tunnel. */
  readonly names: readonly string[];
  /** Milliseconds; null is each tunnel's own. */
  readonly drainMs: number | null;
}

type Command = (io: Io, globals: GlobalOptions, options: LifecycleOptions) => Promise<number>;
type Call = (client: DaemonClient, request: StopRequest, options: CallOptions) => Promise<void>;

const command =
  (call: Call, done: string): Command =>
  async (io, globals, { names, drainMs }) => {
    const client = await runningProject(io, globals);
    const snapshot = await client.snapshot();
    checkNames(snapshot, names);
    const progress = await chooseProgress(io, globals, () => null);
    const leave = leaving(io);
    let told = false;
    const onWorking = (connections: number): void => {
      if (connections > 0 && !told) progress.say(`draining; ${counted(connections, 'connection')} of the project open`, 'note');
      told ||= connections > 0;
    };
    try {
      await call(client, { names, drainMs }, { signal: leave.signal, onWorking });
      const which = names.length > 0 ? names.join(', ') : counted(snapshot.tunnels.length, 'tunnel');
      progress.say(`${which} ${done}`, 'note');
      return EXIT.done;
    } catch (error) {
      if (!leave.signal.aborted || !isDaemonError(error)) throw error;
      progress.say('it goes on without this command', 'note');
      return leave.code();
    } finally {
      leave.unlisten();
    }
  };

export const stop = command((client, request, options) => client.stop(request, options), 'stopped; tunnels start opens again');
export const start = command((client, { names }, options) => client.start(names ? { names } : {}, options), 'started');
export const restart = command((client, request, options) => client.restart(request, options), 'restarted');
