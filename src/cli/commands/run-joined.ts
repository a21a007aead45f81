/** `run` on a project that is up: it gets what is missing, and gives back what it got. */
import type { DaemonClient } from '../../daemon/client.ts';
import { isDaemonError } from '../../daemon/daemon-error.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { leaving } from '../leaving.ts';
import { loadElsewhere } from '../load-options.ts';
import { chooseProgress } from '../progress/choose.ts';
import { checkNames } from '../running-project.ts';
import { framesOf, tellProblems } from './apply-to-running.ts';
import type { RunOptions } from './run-options.ts';
import { unmetText } from './wait.ts';

export interface JoinedRun extends RunOptions {
  readonly client: DaemonClient;
}

export async function runJoined(io: Io, globals: GlobalOptions, options: JoinedRun): Promise<number> {
  const { client, names, waitMs } = options;
  const leave = leaving(io);
  let brought: readonly string[] = [];
  try {
    const missing = await bring(io, globals, options);
    if (missing === null) return EXIT.invalidConfiguration;
    brought = missing;
    const waited = await client.wait({ names, condition: 'healthy', timeoutMs: waitMs }, { signal: leave.signal });
    if (waited.outcome !== 'met') {
      io.stderr.write(`${unmetText(io, globals, { ...waited, timeoutMs: waitMs })}\n`);
      return EXIT.failure;
    }
    const exported = (await client.exports()).filter(({ tunnel }) => names.length === 0 || names.includes(tunnel));
    const variables: Record<string, string> = Object.assign({}, ...exported.map((each) => each.exports));
    leave.unlisten();
    return await io.runCommand({ argv: options.argv, env: { ...io.env, ...variables } });
  } catch (error) {
    if (!leave.signal.aborted || !isDaemonError(error)) throw error;
    return leave.code();
  } finally {
    leave.unlisten();
    await giveBack(options, brought);
  }
}

/** The tunnels that were not up, or were stopped; null where the file is not valid, which is told. */
async function bring(io: Io, globals: GlobalOptions, { client, names, noDeps }: JoinedRun): Promise<readonly string[] | null> {
  const before = await client.snapshot();
  const known = new Map(before.tunnels.map((tunnel) => [tunnel.name, tunnel.state]));
  if (names.some((name) => !known.has(name))) {
    const progress = await chooseProgress(io, globals, framesOf(io, globals, client.found.file));
    const outcome = await client.apply({ names, noDeps, load: await loadElsewhere(io, globals) });
    if (!outcome.applied) {
      tellProblems(io, globals, { outcome, progress });
      return null;
    }
  }
  const now = await client.snapshot();
  checkNames(now, names);
  const stopped = now.tunnels.filter(({ name, state }) => state === 'closed' && (names.length === 0 || names.includes(name)));
  if (stopped.length > 0) await client.start({ names: stopped.map(({ name }) => name) });
  const added = now.tunnels.filter(({ name }) => !known.has(name));
  return [...new Set([...added, ...stopped].map(({ name }) => name))];
}

async function giveBack({ client, drainMs }: JoinedRun, brought: readonly string[]): Promise<void> {
  if (brought.length === 0) return;
  try {
    await client.stop({ names: brought, drainMs });
  } catch (error) {
    // It was taken down meanwhile, or the file has other tunnels now: nothing is left to give back.
    if (!isDaemonError(error)) throw error;
  }
}
