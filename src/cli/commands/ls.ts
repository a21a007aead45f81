/** `ls`: every project of the user that is up, wherever its file is. */
import type { Snapshot } from '../../core/snapshot.ts';
import { DaemonClient } from '../../daemon/client.ts';
import { isDaemonError } from '../../daemon/daemon-error.ts';
import { listProjects, type ListedProject } from '../../daemon/list-projects.ts';
import { stateRoot } from '../../daemon/paths.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { fittedTable } from '../render/fitted-table.ts';
import { ageOf } from '../render/ps-table.ts';
import { styleFor } from '../render/style.ts';
import { openCount } from '../render/summary.ts';
import { terminalWidth } from '../terminal-width.ts';

/** One line of `ls --format json`. */
interface Row {
  readonly name: string;
  readonly status: 'starting' | 'up' | 'stopping' | 'unreachable';
  readonly mode: 'foreground' | 'background' | null;
  readonly pid: number | null;
  /** Of how many; null where it could not be asked. */
  readonly open: number | null;
  readonly tunnels: number | null;
  /** Of the project file. */
  readonly file: string | null;
  readonly since: string | null;
  readonly error: string | null;
}

export async function ls(
  io: Io,
  globals: GlobalOptions,
  { format, quiet }: { readonly format: 'table' | 'json'; readonly quiet: boolean },
): Promise<number> {
  const rows = (await Promise.all((await listProjects(stateRoot(io.env))).map(rowOf))).sort((a, b) => (a.name < b.name ? -1 : 1));
  const lines = (each: readonly string[]): void => void (each.length > 0 && io.stdout.write(`${each.join('\n')}\n`));
  if (quiet) lines(rows.map((row) => row.name));
  else if (format === 'json') lines(rows.map((row) => JSON.stringify(row)));
  else lines(tableOf(io, globals, rows));
  for (const { error } of rows) if (error !== null && format === 'table') io.stderr.write(`${error}\n`);
  return EXIT.done;
}

function tableOf(io: Io, globals: GlobalOptions, rows: readonly Row[]): string[] {
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stdout });
  const now = Date.now();
  const head = (text: string): string => style('dim', text);
  return fittedTable(
    [
      { head: head('NAME'), spare: 0, cell: ({ name }) => name },
      { head: head('STATUS'), spare: 0, cell: ({ status }) => style(status === 'up' ? 'green' : 'yellow', status) },
      { head: head('OPEN'), spare: 1, cell: ({ open, tunnels }) => (open === null ? '-' : `${open}/${tunnels ?? 0}`) },
      { head: head('MODE'), spare: 3, cell: ({ mode }) => mode ?? '-' },
      { head: head('PID'), spare: 2, cell: ({ pid }) => (pid === null ? '-' : String(pid)) },
      { head: head('FOR'), spare: 4, cell: ({ since }) => (since === null ? '-' : ageOf(since, now)) },
      { head: head('FILE'), spare: 0, cell: ({ file }) => file ?? '-' },
    ],
    rows,
    terminalWidth(io.stdout),
  );
}

async function rowOf(listed: ListedProject): Promise<Row> {
  const none = { mode: null, pid: null, open: null, tunnels: null, file: null, since: null, error: null };
  if (listed.state === 'unreachable') return { ...none, name: listed.folder, status: 'unreachable', error: listed.error.message };
  const { status } = listed;
  const snapshot = await snapshotOf(new DaemonClient(listed.socket, status));
  const counts = snapshot && openCount(snapshot);
  return {
    name: status.project,
    status: status.phase === 'up' || status.phase === 'stopping' ? status.phase : 'starting',
    mode: status.mode,
    pid: status.pid,
    open: counts?.open ?? null,
    tunnels: counts?.all ?? null,
    file: status.file,
    since: status.since,
    error: null,
  };
}

/** Null where it has just ended, or speaks another version: that it is there is still worth a row. */
async function snapshotOf(client: DaemonClient): Promise<Snapshot | null> {
  try {
    return await client.snapshot();
  } catch (error) {
    if (isDaemonError(error)) return null;
    throw error;
  }
}
