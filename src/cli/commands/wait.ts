/** `wait`: until tunnels are open, or healthy where they have a healthcheck; or until it is plain that they will not be. */
import { isDaemonError } from '../../daemon/daemon-error.ts';
import type { WaitOutcome } from '../../daemon/protocol.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { leaving } from '../leaving.ts';
import { chooseProgress, lineByLine } from '../progress/choose.ts';
import { missingLines } from '../render/missing-text.ts';
import { styleFor } from '../render/style.ts';
import { namesMeant, runningProject } from '../running-project.ts';

export interface WaitOptions {
  /** None is every tunnel. */
  readonly names: readonly string[];
  /** Milliseconds. */
  readonly timeoutMs: number;
}

export async function wait(io: Io, globals: GlobalOptions, { timeoutMs, ...asked }: WaitOptions): Promise<number> {
  const client = await runningProject(io, globals);
  const names = namesMeant(await client.snapshot(), asked.names);
  const leave = leaving(io);
  try {
    const waited = await client.wait({ names, condition: 'healthy', timeoutMs }, { signal: leave.signal });
    if (waited.outcome === 'met') return EXIT.done;
    const progress = await chooseProgress(io, lineByLine(io, globals), () => null);
    progress.say(unmetText(io, globals, { ...waited, timeoutMs }), 'error');
    return EXIT.failure;
  } catch (error) {
    if (!leave.signal.aborted || !isDaemonError(error)) throw error;
    return leave.cutShort();
  } finally {
    leave.unlisten();
  }
}

/** `not up after 5s:`, and a line a cause. */
export function unmetText(
  io: Io,
  globals: GlobalOptions,
  { outcome, missing, timeoutMs }: WaitOutcome & { readonly timeoutMs: number },
): string {
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stderr });
  const head = outcome === 'timeout' ? `not up after ${timeoutMs / 1000}s:` : 'will not come up:';
  return [head, ...missingLines(missing, style).map((line) => `  ${line}`)].join('\n');
}
