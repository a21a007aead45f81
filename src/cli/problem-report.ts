/** Tells that a configuration is not valid, in the form --progress asks for. */
import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { codeFrame, type FrameStyle } from '../config/code-frame.ts';
import { maskSecrets } from '../config/mask-secrets.ts';
import { createSource } from '../config/source.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { chooseProgress } from './progress/choose.ts';
import type { FrameOf } from './render/diagnostics.ts';
import { styleFor } from './render/style.ts';

/** How frames on stderr are coloured. */
export function frameStyle(io: Io, globals: GlobalOptions): FrameStyle {
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stderr });
  return { gutter: (text) => style('dim', text), mark: (text) => style('red', text) };
}

/** Frames from the texts that were read. */
export const framesFrom =
  (sources: ReadonlyMap<string, string>, style: FrameStyle): FrameOf =>
  (range) => {
    const text = sources.get(range.file);
    return text === undefined ? null : codeFrame(text, range, style);
  };

/** Frames from the files as they are now, without the secrets in them: a reload's event names places, not texts. */
export function framesFromDisk(directory: () => string | null, style: FrameStyle): FrameOf {
  return (range, among) => {
    const base = directory();
    const path = isAbsolute(range.file) ? range.file : base === null ? null : join(base, range.file);
    try {
      if (path === null || statSync(path).size > 4 * 1024 * 1024) return null;
      const masked = maskSecrets([createSource(range.file, readFileSync(path, 'utf8'))], among);
      return codeFrame(masked.get(range.file) ?? '', range, style);
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
  if (shown.length > 0) progress.problems(shown, framesFrom(problems.sources, frameStyle(io, globals)));
}
