/** What the kernel does meanwhile, by perf: for root, and who else may read tracefs and trace all processors. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { startChild } from '../test/helpers/child.ts';
import { sleep } from '../test/helpers/wait.ts';

const RECORD = [
  'record',
  '--quiet',
  '--all-cpus',
  '--clockid',
  'mono',
  '--mmap-pages',
  '16M',
  '--no-buildid',
  '--no-buildid-cache',
] as const;
const LIMIT_MS = 60_000;
/** More than a second of round trips. */
const MOST_BYTES = 256 << 20;

const record = (file: string, events: readonly string[], command: readonly string[]): string[] => [
  ...RECORD,
  ...events,
  '--output',
  file,
  '--',
  ...command,
];

const oneLine = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ');

/** null where it can be recorded, else why not. */
export function whyNotTraced(file: string, events: readonly string[], perf = 'perf'): string | null {
  const { status, stderr, error } = spawnSync(perf, record(file, events, ['true']), { encoding: 'utf8', timeout: LIMIT_MS });
  if (error !== undefined) return error.message;
  return status === 0 ? null : oneLine(stderr) || `perf ended with ${status}`;
}

/** Records to the file from before `during` begins, by `leadMs`, until it has ended. */
export async function traced<T>(file: string, events: readonly string[], leadMs: number, during: () => Promise<T>): Promise<T> {
  // That of the run before would pass for this one.
  rmSync(file, { force: true });
  const perf = startChild('perf', record(file, events, ['sleep', String(LIMIT_MS / 1_000)]));
  try {
    await sleep(leadMs);
    if (perf.hasExited()) throw new Error(`perf ended before it began: ${oneLine(perf.stderr())}`);
    return await during();
  } finally {
    await perf.stop('SIGINT', LIMIT_MS);
  }
}

/** The recorded events as lines of text with these fields. */
export function eventsIn(file: string, fields: string): string {
  const { stdout, stderr, status, error } = spawnSync('perf', ['script', '--input', file, '--ns', '--fields', fields], {
    encoding: 'utf8',
    timeout: LIMIT_MS,
    maxBuffer: MOST_BYTES,
  });
  if (error !== undefined || status !== 0) throw new Error(`perf script: ${error?.message ?? oneLine(stderr)}`);
  return stdout;
}
