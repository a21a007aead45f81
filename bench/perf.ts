/** What the kernel does meanwhile, by perf: for root, or where /proc/sys/kernel/perf_event_paranoid is -1. */
import { spawn, spawnSync } from 'node:child_process';
import { within } from '../test/helpers/wait.ts';

const RECORD = ['record', '--quiet', '--all-cpus', '--clockid', 'mono', '--mmap-pages', '16M'] as const;
const LIMIT_MS = 60_000;
/** More than a second of round trips. */
const MOST_BYTES = 1 << 30;

const record = (file: string, events: readonly string[], command: readonly string[]): string[] => [
  ...RECORD,
  ...events,
  '--output',
  file,
  '--',
  ...command,
];

/** null where it can be recorded, else why not. */
export function whyNotTraced(file: string, events: readonly string[]): string | null {
  const { status, stderr, error } = spawnSync('perf', record(file, events, ['true']), { encoding: 'utf8', timeout: LIMIT_MS });
  if (error !== undefined) return error.message;
  return status === 0 ? null : (stderr.trim().split('\n')[0] ?? `perf ended with ${status}`);
}

/** Records to the file from before `during` begins, by at least `leadMs`, until it has ended. */
export async function traced<T>(file: string, events: readonly string[], leadMs: number, during: () => Promise<T>): Promise<T> {
  const perf = spawn('perf', record(file, events, ['sleep', String(LIMIT_MS / 1_000)]), { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => {
    perf.once('exit', () => resolve());
    perf.once('error', () => resolve());
  });
  try {
    await new Promise((resolve) => setTimeout(resolve, leadMs));
    return await during();
  } finally {
    perf.kill('SIGINT');
    await within(ended, { what: 'the end of perf', ms: LIMIT_MS });
  }
}

/** The recorded events as lines of text with these fields. */
export function eventsIn(file: string, fields: string): string {
  const { stdout } = spawnSync('perf', ['script', '--input', file, '--ns', '--fields', fields], {
    encoding: 'utf8',
    timeout: LIMIT_MS,
    maxBuffer: MOST_BYTES,
  });
  return stdout;
}
