/** Who holds a port or a socket file of this machine: so that "address already in use" can name the process (SCENARIOS B4). */
import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { isWildcard, sameLocalHost, type Address } from '../core/address.ts';

export interface Holder {
  readonly pid: number;
  /** The program's own name (comm), never its arguments: they may hold secrets. */
  readonly command: string;
}

/** A row of /proc/net/tcp or tcp6 (proc(5)) in state LISTEN. */
export interface ListenRow {
  readonly host: string;
  readonly port: number;
  readonly inode: string;
}

const LISTEN = '0A';
/** Looking for a name must never hold up the failure itself. */
const LIMIT_MS = 1_500;

/** `12345 (postgres)`, or null where it cannot be found out, e.g. because the process is another user's. */
export async function describeHolder(address: Address): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), LIMIT_MS);
  });
  const holder = await Promise.race([findHolder(address).catch(() => null), limit]);
  clearTimeout(timer);
  if (!holder) return null;
  return holder.pid === process.pid ? `this process (pid ${holder.pid})` : `${holder.command} (pid ${holder.pid})`;
}

async function findHolder(address: Address): Promise<Holder | null> {
  const inodes = address.kind === 'unix' ? await unixInodes(address.path) : await tcpInodes(address.host, address.port);
  if (inodes === null) return address.kind === 'tcp' ? byLsof(address.port) : null;
  return inodes.size === 0 ? null : byInode(inodes);
}

async function tcpInodes(host: string, port: number): Promise<Set<string> | null> {
  const texts = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')));
  if (texts.every((text) => text === '')) return null;
  const rows = texts.flatMap(parseListeners).filter((row) => row.port === port);
  const meeting = rows.filter((row) => sameLocalHost(row.host, host) || isWildcard(row.host) || isWildcard(host));
  return new Set((meeting.length > 0 ? meeting : rows).map((row) => row.inode));
}

async function unixInodes(path: string): Promise<Set<string> | null> {
  const text = await readFile('/proc/net/unix', 'utf8').catch(() => null);
  if (text === null) return null;
  const rows = text.split('\n').filter((line) => line.endsWith(` ${path}`));
  return new Set(rows.map((line) => line.trim().split(/\s+/)[6] ?? ''));
}

async function byInode(inodes: ReadonlySet<string>): Promise<Holder | null> {
  const wanted = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const links = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
    if (links.some((link) => wanted.has(link))) {
      const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?');
      return { pid: Number(pid), command: printable(command) };
    }
  }
  return null;
}

/** Where there is no /proc (macOS, BSD). */
async function byLsof(port: number): Promise<Holder | null> {
  const text = await new Promise<string>((resolve) =>
    execFile('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { timeout: LIMIT_MS }, (_error, stdout) => resolve(stdout)),
  );
  return parseLsof(text);
}

/** The first process of `lsof -Fpc`: a line `p` with the pid, then a line `c` with the command. */
export function parseLsof(text: string): Holder | null {
  const pid = /^p(\d+)$/m.exec(text)?.[1];
  if (pid === undefined) return null;
  return { pid: Number(pid), command: printable(/^c(.+)$/m.exec(text)?.[1] ?? '?') };
}

/** Rows that listen, of /proc/net/tcp or /proc/net/tcp6. */
export function parseListeners(text: string): ListenRow[] {
  const rows: ListenRow[] = [];
  for (const line of text.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [addressHex, portHex] = (fields[1] ?? '').split(':');
    if (fields[3] !== LISTEN || addressHex === undefined || portHex === undefined) continue;
    rows.push({ host: hostOf(addressHex), port: Number.parseInt(portHex, 16), inode: fields[9] ?? '' });
  }
  return rows;
}

/** The kernel prints each 32-bit word in the machine's own byte order: little-endian on all that runs this. */
function hostOf(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)));
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.every((byte) => byte === 0)) return '::';
  if (bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return '::1';
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return bytes.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, at) => (((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0)).toString(16));
  return groups.join(':');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a process chooses its own name, and may put terminal escapes in it
const printable = (text: string): string =>
  text
    .trim()
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
    .slice(0, 64);
