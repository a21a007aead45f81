/** Which build of the program a process runs: taken when it starts, since the file may be replaced under it. */
import { realpathSync, statSync } from 'node:fs';

/** Raised when a request or an answer changes so that the other side would misread it. `/status` only gains fields, `/down` never changes. */
export const PROTOCOL = 3;

/** `0.1.0+18f3c2a9d10.5a3`: the version, and of the program's file the time of its last change and its size. */
export function buildId(version: string, program: string | undefined = process.argv[1]): string {
  try {
    const { mtimeMs, size } = statSync(realpathSync(program ?? ''));
    return `${version}+${Math.round(mtimeMs).toString(16)}.${size.toString(16)}`;
  } catch {
    return version;
  }
}
