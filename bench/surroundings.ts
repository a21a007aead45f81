/** On what and with what a result was measured. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { sshdProgram, sshdVersion } from '../test/helpers/sshd.ts';

export interface Surroundings {
  readonly commit: string;
  /** Whether the tree had changes that are in no commit. */
  readonly changed: boolean;
  readonly versions: {
    readonly tunnels: string;
    readonly node: string;
    readonly ssh2: string;
    readonly ssh: string;
    readonly sshd: string;
    /** null where it is not installed. */
    readonly autossh: string | null;
    readonly kernel: string;
    /** How TCP finds out what a line carries (tcp(7)); null where the system does not say. Not in results of before 2026-11-29. */
    readonly congestion?: string | null;
  };
  readonly cpu: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  /** Of the last 1, 5 and 15 minutes, before the bench did anything. */
  readonly loadBefore: readonly number[];
}

const said = (command: string, ...args: readonly string[]): string => {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 10_000 });
  return `${stdout ?? ''}${stderr ?? ''}`.trim();
};

const versionOf = (manifest: string): string => (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;

/** Its ciphers are in C where npm could build them, and that shows. */
function ssh2In(root: string): string {
  const dir = join(root, 'node_modules', 'ssh2');
  const isBuilt = existsSync(join(dir, 'lib', 'protocol', 'crypto', 'build', 'Release', 'sshcrypto.node'));
  return `${versionOf(join(dir, 'package.json'))} ${isBuilt ? 'with' : 'without'} its addon`;
}

/** null where there is no autossh. */
export const autosshVersion = (): string | null => /autossh (\S+)/.exec(said('autossh', '-V'))?.[1] ?? null;

const CONGESTION_FILE = '/proc/sys/net/ipv4/tcp_congestion_control';
const congestionControl = (): string | null => (existsSync(CONGESTION_FILE) ? readFileSync(CONGESTION_FILE, 'utf8').trim() : null);

/** What makes figures of this machine wrong; null where nothing is known to. */
export const misgiving = ({ versions }: Pick<Surroundings, 'versions'>): string | null =>
  versions.congestion?.startsWith('bbr') === true
    ? `TCP uses ${versions.congestion} here. Between sockets of one machine, which acknowledge late, it falls to one segment in 40 ms now and then, so that long lines are measured wrongly; \`sysctl net.ipv4.tcp_congestion_control=cubic\` before, and it is as with most users.`
    : null;

/** `root` is the project's; the program may have been built from another commit than is there. */
export function surroundings(root: string, elsewhere: boolean): Surroundings {
  const sshd = sshdProgram();
  const git = (...args: readonly string[]): string => said('git', '-C', root, ...args);
  return {
    commit: (elsewhere ? undefined : /^[0-9a-f]{40}$/.exec(git('rev-parse', 'HEAD'))?.[0]) ?? 'unknown',
    changed: !elsewhere && git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'package-lock.json') !== '',
    versions: {
      tunnels: versionOf(join(root, 'package.json')),
      node: process.versions.node,
      ssh2: ssh2In(root),
      ssh: said('ssh', '-V'),
      sshd: sshd === null ? 'none' : sshdVersion(sshd),
      autossh: autosshVersion(),
      kernel: `${type()} ${release()}`,
      congestion: congestionControl(),
    },
    cpu: cpus()[0]?.model ?? 'unknown',
    cpuCount: cpus().length,
    memoryBytes: totalmem(),
    loadBefore: loadavg().map((each) => Number(each.toFixed(2))),
  };
}

/** For the head of the table. */
export function describeSurroundings({ commit, changed, versions, cpu, cpuCount, loadBefore }: Surroundings): string {
  return [
    `tunnels ${versions.tunnels} (${commit.slice(0, 10)}${changed ? ' and changes' : ''}), ssh2 ${versions.ssh2}, node ${versions.node}`,
    `${versions.ssh}, sshd ${versions.sshd}, ${versions.autossh === null ? 'no autossh' : `autossh ${versions.autossh}`}`,
    `${versions.kernel}${versions.congestion ? ` with ${versions.congestion}` : ''}, ${cpuCount} × ${cpu}, load before ${loadBefore.join(' ')}`,
  ].join('\n');
}
