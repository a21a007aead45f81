/**
 * An `ssh` that reads the test's own configuration. The real one takes ~ from the user database and not from $HOME, so a
 * HOME of the test's own does not keep it from the user's ~/.ssh/config; -F does.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

let realSsh: string | undefined;

function locate(): string {
  realSsh ??= spawnSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).stdout.trim();
  return realSsh;
}

/** Writes `dir/bin/ssh`, which adds `-F configFile` unless -F is given, and returns `dir/bin`, to be put first on PATH. */
export function sshWrapper(dir: string, configFile: string): string {
  const bin = join(dir, 'bin');
  mkdirSync(bin, { recursive: true, mode: 0o755 });
  writeFileSync(
    join(bin, 'ssh'),
    `#!/bin/sh
for word do
  case $word in -F*) exec '${locate()}' "$@" ;; --) break ;; esac
done
exec '${locate()}' -F '${configFile}' "$@"
`,
    { mode: 0o755 },
  );
  return bin;
}
