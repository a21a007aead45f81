/** What carries the tunnels: this program, or one that it is measured against. */
import type { SideName } from './row.ts';

export interface Forward {
  readonly host: number;
  /** On this machine. */
  readonly ingress: number;
  readonly egress: number;
}

export interface HostSetup {
  /** Where its sshd is reached: the server itself, or a line to it. */
  readonly port: number;
  readonly user: string;
  readonly identityFile: string;
  readonly knownHostsFile: string;
}

export interface Setup {
  readonly dir: string;
  readonly hosts: readonly HostSetup[];
  readonly forwards: readonly Forward[];
  /** One cipher for every side; default: each side's own choice. */
  readonly cipher?: string;
  /** SSH connections a host, where the side can have several. */
  readonly connections?: number;
}

export interface OpenSide {
  /** Those that carry the bytes. */
  pids(): readonly number[];
  /** Resolves when a process of it ends, which none should before `stop`. */
  readonly ended: Promise<void>;
  /** What it printed, for when it does not do as it should. */
  text(): string;
  stop(): Promise<void>;
}

export interface Side {
  readonly name: SideName;
  /** Starts it, and comes back at once or when it has started; who wants to know whether tunnels are open tries them. */
  open(setup: Setup): Promise<OpenSide>;
}

/** What each side reads, so that each does the same work to find its hosts. */
export const sshConfig = (setup: Setup): string =>
  setup.hosts
    .flatMap((host, index) => [
      `Host h${index}`,
      '  HostName 127.0.0.1',
      `  Port ${host.port}`,
      `  User ${host.user}`,
      `  IdentityFile ${host.identityFile}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${host.knownHostsFile}`,
      // The known_hosts file names the server, which lines lead to by other ports.
      '  HostKeyAlias bench',
      '  StrictHostKeyChecking yes',
      ...(setup.cipher === undefined ? [] : [`  Ciphers ${setup.cipher}`]),
      '',
    ])
    .join('\n');
