/** `completion`: the script that makes a shell complete command lines of this program. */
import { SCRIPTS, type Shell } from '../completion/scripts.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';

export function completion(io: Pick<Io, 'stdout'>, shell: Shell): ExitCode {
  io.stdout.write(SCRIPTS[shell]);
  return EXIT.done;
}
