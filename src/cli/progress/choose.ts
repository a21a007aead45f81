/** Which of the ways to show progress it is: --progress, else whether stderr is a terminal a person looks at. */
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import type { FrameOf } from '../render/diagnostics.ts';
import { styleFor } from '../render/style.ts';
import { jsonProgress } from './json.ts';
import { logProgress } from './log.ts';
import type { Progress } from './progress.ts';

export type ProgressKind = 'tty' | 'plain' | 'json' | 'quiet';

/** With -v the lines of the log and a live frame would fight over the terminal, so the log wins, as with ssh -v. */
export function progressKind(io: Pick<Io, 'stderr' | 'env'>, globals: Pick<GlobalOptions, 'progress' | 'verbosity'>): ProgressKind {
  if (globals.progress !== 'auto') return globals.progress;
  const isCi = (io.env.CI ?? '') !== '' && io.env.CI !== 'false';
  // A terminal of no columns (serial lines, `script` without one) cannot be drawn on.
  const drawable = io.stderr.isTTY === true && io.stderr.columns !== 0;
  return drawable && !isCi && io.env.TERM !== 'dumb' && globals.verbosity === 0 ? 'tty' : 'plain';
}

export async function chooseProgress(io: Io, globals: GlobalOptions, frameOf: FrameOf): Promise<Progress> {
  const kind = progressKind(io, globals);
  const write = (text: string): void => void io.stderr.write(text);
  if (kind === 'json') return jsonProgress(write, Date.now);
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stderr });
  const width = (): number | null => (io.stderr.isTTY === true ? io.stderr.columns || 80 : null);
  const log = logProgress({ write, style, width, frameOf, level: kind === 'quiet' ? -1 : globals.verbosity });
  if (kind !== 'tty') return log;
  const { liveProgress } = await import('./live.ts');
  return liveProgress({ log, output: io.stderr, style });
}

/** Line by line, for what has nothing to draw. */
export const lineByLine = (io: Pick<Io, 'stderr' | 'env'>, globals: GlobalOptions): GlobalOptions => {
  const kind = progressKind(io, globals);
  return { ...globals, progress: kind === 'tty' ? 'plain' : kind };
};
