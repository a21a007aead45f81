/**
 * The resolved project: what `tunnels.yaml` means once it is parsed, merged, interpolated, defaulted and looked up.
 * Values only. Every duration is in milliseconds and says so in its name.
 */
import type { Address } from './address.ts';

/** A host's name in the file, or an alias of ssh_config. */
export type HostName = string;
export type TunnelName = string;

/** The reserved machine name for this machine, as in `client: client` (DESIGN: "client is this machine"). */
export const THIS_MACHINE = 'client';

export type TunnelType = 'local' | 'remote' | 'dynamic' | 'remote-dynamic';

/** A command of the file, run on this machine as it stands: no shell reads it. */
export interface ProjectCommand {
  readonly argv: readonly string[];
  /** The project directory. */
  readonly cwd: string;
  /** That the user allows it (`tunnels trust`) is not for the file to say: a project is loaded without, core/trust adds it. */
  readonly trusted: boolean;
}

/** Where a secret comes from. A literal is refused, so none is ever in a spec. */
export type SecretSource = { readonly env: string } | { readonly command: ProjectCommand } | { readonly prompt: true };

export type HostKeyPolicy = 'ask' | 'strict' | 'accept-new' | 'ignore';

/** ssh_config(5) ServerAliveInterval and ServerAliveCountMax. An interval of 0 turns keepalives off. */
export interface Keepalive {
  readonly intervalMs: number;
  readonly count: number;
}

/** Full jitter: each wait is between 0 and a window that doubles from `minMs` to `maxMs`; `attempts` is null for "never give up". */
export interface Reconnect {
  readonly minMs: number;
  readonly maxMs: number;
  readonly attempts: number | null;
}

export interface HostSpec {
  readonly name: HostName;
  /** The name or address to dial, as the machine that dials it understands it. */
  readonly hostname: string;
  /** 1 to 65535; 0 stands for the port allocated to the one tunnel whose ingress is this address. */
  readonly port: number;
  readonly user: string;
  /** What the file itself said, without ssh_config of this machine: what an ssh run on another machine is given. */
  readonly declared: { readonly hostname?: string; readonly port?: number; readonly user?: string };
  /** ProxyJump, outermost first. The first hop is reached its own way, each next one through the one before. */
  readonly via: readonly HostName[];
  readonly identityFiles: readonly string[];
  /** True where the file or ssh_config named the keys: an unreadable one is then an error, not skipped. */
  readonly identityFilesExplicit: boolean;
  readonly certificateFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** `auto` is $SSH_AUTH_SOCK, `none` is no agent, anything else is a socket path. */
  readonly agent: string;
  readonly forwardAgent: boolean;
  readonly password: SecretSource | null;
  readonly passphrase: SecretSource | null;
  /** Pinned fingerprints, `SHA256:…`. Empty: none. */
  readonly hostKeys: readonly string[];
  readonly hostKeyPolicy: HostKeyPolicy;
  /** The first is the user's own, the one a newly accepted key is written to. */
  readonly knownHosts: readonly string[];
  /** ssh_config(5) HostKeyAlias: the name to look up in known_hosts instead of hostname. */
  readonly hostKeyAlias: string | null;
  readonly proxyCommand: string | readonly string[] | null;
  readonly proxy: string | null;
  readonly transport: 'ssh2' | 'openssh';
  readonly keepalive: Keepalive;
  readonly connectTimeoutMs: number;
  readonly reconnect: Reconnect;
  readonly connections: number;
  readonly ciphers: readonly string[];
  readonly kex: readonly string[];
  readonly macs: readonly string[];
  /** ssh's -4 and -6 (AddressFamily); `any` otherwise. */
  readonly addressFamily: 'any' | 'inet' | 'inet6';
  /** ssh's -C (Compression). */
  readonly compression: boolean;
}

export interface Dependency {
  readonly tunnel: TunnelName;
  readonly condition: 'open' | 'healthy';
}

export interface Healthcheck {
  readonly probe:
    | { readonly kind: 'tcp' }
    | { readonly kind: 'http'; readonly path: string }
    | { readonly kind: 'command'; readonly command: ProjectCommand };
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly startPeriodMs: number;
}

export interface TunnelSpec {
  readonly name: TunnelName;
  readonly type: TunnelType;
  /** Tried in order (failover). Never empty. */
  readonly hosts: readonly HostName[];
  /** A host's name, or THIS_MACHINE. */
  readonly client: HostName;
  readonly launch: 'relay' | 'ssh';
  readonly ingress: Address;
  /** Null for the proxies: the client of the proxy names the target. */
  readonly egress: Address | null;
  readonly expose: boolean;
  readonly allow: readonly string[];
  readonly allowTargets: readonly string[];
  readonly dependsOn: readonly Dependency[];
  readonly profiles: readonly string[];
  readonly healthcheck: Healthcheck | null;
  readonly start: 'eager' | 'on-demand';
  readonly idleTimeoutMs: number;
  readonly parkMs: number;
  readonly drainMs: number;
  readonly onConflict: 'fail' | 'wait' | 'next';
  readonly maxConnections: number;
  /** Permission bits of a unix-socket ingress, 0 to 0o777. */
  readonly socketMode: number;
  readonly env: Readonly<Record<string, string>>;
}

export interface Project {
  readonly name: string;
  /** Only hosts some active tunnel needs, directly or as a hop. */
  readonly hosts: ReadonlyMap<HostName, HostSpec>;
  /** Only the active ones (profiles), ranges expanded, in the order of the file. */
  readonly tunnels: ReadonlyMap<TunnelName, TunnelSpec>;
}

export const isProxy = (type: TunnelType): boolean => type === 'dynamic' || type === 'remote-dynamic';

/** Which end listens: the ingress of `local` and `dynamic` is on the client, of the remote types on the host. */
export const listensOnHost = (type: TunnelType): boolean => type === 'remote' || type === 'remote-dynamic';
