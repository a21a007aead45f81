/** Global setup of the end-to-end tests: builds the program once, into a directory of this run's own beside dist/. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isAlive } from '../helpers/process-table.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PREFIX = 'dist-test-';

/** Not dist/ itself: a second run, or a build, would pull the program from under this one. */
export function setup(): () => void {
  for (const entry of readdirSync(ROOT)) {
    if (entry.startsWith(PREFIX) && !isAlive(Number(entry.slice(PREFIX.length))))
      rmSync(join(ROOT, entry), { recursive: true, force: true });
  }
  const out = join(ROOT, `${PREFIX}${process.pid}`);
  const main = join(out, 'main.js');
  // Another project of this run has built it.
  if (process.env.TUNNELS_TEST_MAIN === main) return () => undefined;
  const built = spawnSync(process.execPath, [join(ROOT, 'node_modules/tsdown/dist/run.mjs'), '--out-dir', out, '--logLevel', 'error'], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 120_000,
  });
  // Tests that need the program fail with this text; the others still have something to say.
  process.env.TUNNELS_TEST_MAIN = built.status === 0 && existsSync(main) ? main : `failed: ${built.stdout}${built.stderr}`;
  return () => rmSync(out, { recursive: true, force: true });
}
