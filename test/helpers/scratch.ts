/** Temporary directories: one for the whole run (keys live there), and one for each thing that is started. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandLine, isAlive, processTable, signalAll } from './process-table.ts';

/** Short, because a unix socket's path has at most 107 bytes. */
const PREFIX = 'tunnels-t-';
const RUN_VARIABLE = 'TUNNELS_TEST_RUN_DIR';
const live = new Set<string>();

/** Directories made by this process that are still there. */
export const liveScratch = (): string[] => [...live];

/** A directory of one's own, mode 0700. Remove it with `remove`. */
export function scratch(label = 'x'): string {
  const dir = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-${label}-`));
  live.add(dir);
  return dir;
}

export function remove(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  live.delete(dir);
}

/** Shared by every test process of one run; made by the global setup, or by the first one who asks. */
export function runDirectory(): string {
  const given = process.env[RUN_VARIABLE];
  if (given !== undefined && given !== '') return given;
  const dir = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-run-`));
  process.env[RUN_VARIABLE] = dir;
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function runSubdirectory(name: string): string {
  const dir = join(runDirectory(), name);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}

/** Only what is this old is swept: a test run in another pid namespace may share our /tmp. */
const STALE_MS = 60 * 60 * 1000;

/** Removes what killed runs left: their directories, and the processes whose command line names one. */
export function sweepStale(): void {
  for (const entry of readdirSync(tmpdir())) {
    if (!entry.startsWith(PREFIX)) continue;
    const owner = Number(/^\d+/.exec(entry.slice(PREFIX.length))?.[0] ?? NaN);
    const dir = join(tmpdir(), entry);
    if (!Number.isInteger(owner) || isAlive(owner)) continue;
    try {
      if (Date.now() - statSync(dir).mtimeMs < STALE_MS) continue;
    } catch {
      continue;
    }
    const orphans = processTable().filter((row) => commandLine(row.pid).includes(`${dir}/`));
    signalAll(
      orphans.map((row) => row.pid),
      'SIGKILL',
    );
    rmSync(dir, { recursive: true, force: true });
  }
}
