/** Tells that a configuration is not valid, in the form --progress asks for. */
import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { codeFrame } from '../config/code-frame.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { chooseProgress } from './progress/choose.ts';
import type { FrameOf } from './render/diagnostics.ts';

/** Frames from the texts that were read. */
export const framesFrom =
  (sources: ReadonlyMap<string, string>): FrameOf =>
  (range) => {
    const text = sources.get(range.file);
    return text === undefined ? null : codeFrame(text, range);
  };

/** Frames from the files as they are now: a reload's event names places, not texts. */
export function framesFromDisk(directory: () => string | null): FrameOf {
  return (range) => {
    const base = directory();
    const path = isAbsolute(range.file) ? range.file : base === null ? null : join(base, range.file);
    try {
      if (path === null || statSync(path).size > 4 * 1024 * 1024) return null;
      return codeFrame(readFileSync(path, 'utf8'), range);
    } catch {
      return null;
    }
  };
}

interface Problems {
  readonly diagnostics: readonly Diagnostic[];
  readonly sources: ReadonlyMap<string, string>;
}

export async function reportProblems(io: Io, globals: GlobalOptions, problems: Problems): Promise<void> {
  if (problems.diagnostics.length === 0) return;
  const progress = await chooseProgress(io, globals, () => null);
  const shown = globals.progress === 'quiet' ? problems.diagnostics.filter((each) => each.severity === 'error') : problems.diagnostics;
  if (shown.length > 0) progress.problems(shown, framesFrom(problems.sources));
}
