/** A real OpenSSH server, one process a host, that leaves nothing behind. */
import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, constants, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Account, accountsWrapper } from './accounts.ts';
import { type Child, runChild, startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { type KeyPair, type KeyType, keyPair } from './keys.ts';
import { childrenOf, descendantsOf, isAlive, signalAll } from './process-table.ts';
import { remove, scratch } from './scratch.ts';
import { type SshdOverrides, sshdConfig } from './sshd-config.ts';
import { sshWrapper } from './ssh-wrapper.ts';
import { until, within } from './wait.ts';

export interface AuthorizedKey {
  readonly key: KeyPair;
  /** What stands before the key in authorized_keys: `restrict,port-forwarding`, `permitopen="localhost:80"`. */
  readonly options?: string;
}

export interface SshdOptions {
  /** In messages only. */
  readonly name?: string;
  /** Default 127.0.0.1. */
  readonly listen?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** One key pair of each type; the first one is `fingerprint`. Default `['ed25519']`. */
  readonly hostKeys?: readonly KeyType[];
  /** Servers of different names have different host keys; default: all have the same, which is quickest. */
  readonly hostKeyName?: string;
  /** Default: the pair `keyPair()` gives, without options. */
  readonly authorizedKeys?: readonly (KeyPair | AuthorizedKey)[];
  /** sshd_config keywords, which win over the harness's own: `{GatewayPorts: 'clientspecified'}`. */
  readonly config?: SshdOverrides;
  /** Raw lines at the end of sshd_config, e.g. a Match block. */
  readonly lines?: readonly string[];
  /** Environment of the sessions (SetEnv). */
  readonly env?: Readonly<Record<string, string>>;
  /** The ssh_config that `ssh` reads when it is run on this host. */
  readonly sshConfig?: string;
  readonly logLevel?: 'VERBOSE' | 'DEBUG' | 'DEBUG2' | 'DEBUG3';
  /** Accounts of this server alone (root only, see accountsAvailable). The first one is `user`. */
  readonly accounts?: readonly Account[];
  /** Put before the command, e.g. `['ip', 'netns', 'exec', name]`. */
  readonly within?: readonly string[];
}

export interface SshdCounts {
  /** TCP connections since the start, without the harness's own. */
  readonly accepted: number;
  /** Successful logins since the start. */
  readonly authenticated: number;
  /** Authentication attempts of any kind and outcome, that the server saw. */
  readonly attempts: number;
  /** Connections that are open now. */
  readonly live: number;
}

export interface Sshd {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly pid: number;
  readonly dir: string;
  readonly version: string;
  readonly hostKeys: readonly KeyPair[];
  /** Of the first host key, `SHA256:…`. */
  readonly fingerprint: string;
  /** The key that opens it: the first authorized one. */
  readonly userKey: KeyPair;
  /** A known_hosts file with the keys it had at first: a later change of the key is then a changed key. */
  readonly knownHostsFile: string;
  /** The lines of known_hosts for this server now, under `[address]:port` or the names given. */
  knownHostsLine(...names: readonly string[]): string;
  log(): string;
  /** The first match in the log from the start, or from `from` (a length of `log()`) on. */
  waitForLog(pattern: RegExp, ms?: number, from?: number): Promise<RegExpMatchArray>;
  connections(): SshdCounts;
  /** One a connection, the oldest first: the process that, once killed, ends that connection. */
  sessionPids(): number[];
  /** Sends a signal to every process of every session: SIGKILL cuts them, SIGSTOP freezes, SIGCONT thaws. */
  signalSessions(signal: NodeJS.Signals): number;
  /** Replaces authorized_keys; open connections stay. */
  authorize(...keys: readonly (KeyPair | AuthorizedKey)[]): void;
  /** Ends every connection and listens again on the same port, with a changed configuration where one is given. */
  restart(changes?: Pick<SshdOptions, 'config' | 'lines' | 'hostKeys' | 'hostKeyName'>): Promise<void>;
  /** Stops it, to be started again by `restart`; the port is refused meanwhile. */
  halt(): Promise<void>;
  /** Stops it and removes everything. */
  stop(): Promise<void>;
}

const live = new Set<Sshd>();

/** Servers of this process that have not been stopped. */
export const liveSshds = (): Sshd[] => [...live];

/** sshd re-executes itself for each connection, so it must be started by its absolute path. */
export function sshdProgram(): string | null {
  const candidates = [
    process.env.TUNNELS_TEST_SSHD ?? '',
    ...(process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, 'sshd')),
    '/usr/sbin/sshd',
    '/usr/local/sbin/sshd',
  ];
  return candidates.find((path) => path.startsWith('/') && isExecutable(path)) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

let cachedVersion: string | undefined;

/** `9.2p1` */
export function sshdVersion(program: string): string {
  // Older ones have no -V and print the version with the usage.
  cachedVersion ??= /OpenSSH_([\w.]+)/.exec(spawnSync(program, ['-V'], { encoding: 'utf8' }).stderr)?.[1] ?? '0.0';
  return cachedVersion;
}

const asAuthorized = (key: KeyPair | AuthorizedKey): AuthorizedKey => ('key' in key ? key : { key });

const authorizedLine = ({ key, options }: AuthorizedKey): string => `${options === undefined ? '' : `${options} `}${key.publicKey}\n`;

/** A shell that sshd runs reads ~/.bashrc: what the user has there could take seconds, and print. */
function emptyHome(dir: string): string {
  const home = join(dir, 'session-home');
  mkdirSync(home, { mode: 0o700 });
  return home;
}

export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const program = sshdProgram();
  if (program === null) throw new Error('there is no sshd: install openssh-server, or set TUNNELS_TEST_SSHD to its absolute path');
  const version = sshdVersion(program);
  const [major = 0, minor = 0] = version.split(/\D+/).map(Number);
  const name = options.name ?? 'sshd';
  const dir = scratch('sshd');
  let server: Child | undefined;
  let text = '';
  const watchers = new Set<() => void>();
  let settings: SshdOptions = options;
  let hostKeys: KeyPair[] = [];
  const probes = new Set<number>();
  const address = options.listen ?? '127.0.0.1';
  let port = options.port ?? 0;

  try {
    const userKey = asAuthorized(options.authorizedKeys?.[0] ?? (await keyPair())).key;
    const authorize = (...keys: readonly (KeyPair | AuthorizedKey)[]): void =>
      writeFileSync(join(dir, 'authorized_keys'), keys.map((key) => authorizedLine(asAuthorized(key))).join(''), { mode: 0o644 });
    authorize(...(options.authorizedKeys ?? [userKey]));
    if (process.getuid?.() === 0 && process.platform === 'linux') mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const accounts = options.accounts ?? [];
    const env: Record<string, string> = { ...(accounts.length === 0 ? { HOME: emptyHome(dir) } : {}), ...options.env };
    if (options.sshConfig !== undefined) {
      writeFileSync(join(dir, 'ssh_config'), options.sshConfig, { mode: 0o644 });
      env.PATH = `${sshWrapper(dir, join(dir, 'ssh_config'))}:${env.PATH ?? process.env.PATH ?? '/usr/bin:/bin'}`;
    }
    const among = accounts.length === 0 ? [] : await accountsWrapper(dir, accounts);

    const readHostKeys = async (): Promise<void> => {
      hostKeys = await Promise.all(
        (settings.hostKeys ?? ['ed25519']).map((type) => keyPair({ type, name: `host-${settings.hostKeyName ?? 'default'}` })),
      );
    };
    const writeConfig = (): void => {
      const hostKeyFiles = hostKeys.map((key, index) => {
        const file = join(dir, `host_key_${index}`);
        copyFileSync(key.privateKeyFile, file);
        chmodSync(file, 0o600);
        return file;
      });
      const config = sshdConfig({
        listen: address,
        port,
        dir,
        hostKeyFiles,
        overrides: settings.config ?? {},
        lines: settings.lines ?? [],
        env,
        logLevel: options.logLevel ?? 'VERBOSE',
        accounts: accounts.length > 0,
        version: { major, minor },
      });
      writeFileSync(join(dir, 'sshd_config'), config);
    };

    const launch = async (): Promise<void> => {
      writeConfig();
      const from = text.length;
      const [command = program, ...words] = [...(options.within ?? []), ...among, program, '-D', '-e', '-f', join(dir, 'sshd_config')];
      const child = startChild(command, words, {
        onText: (chunk) => {
          text += chunk.replaceAll('\r', '');
          for (const look of watchers) look();
        },
      });
      server = child;
      const probe = options.within === undefined ? probeHere : probeWithin(options.within);
      await until(
        async () => {
          if (child.hasExited()) throw new Error(`${name} did not start: ${text.slice(from)}`);
          const seen = await probe(address, port);
          if (seen.localPort !== null) probes.add(seen.localPort);
          return seen.banner.startsWith('SSH-2.0-');
        },
        { what: `the SSH banner of ${name} on ${address}:${port}`, ms: 10_000, every: 15, detail: () => text.slice(from) },
      );
      // After a restart somebody else may have come back already: then its log has to tell that the probe is gone.
      const probeGone = (): boolean =>
        ready && [...probes].some((each) => new RegExp(`^Connection (?:closed|reset) by \\S+ port ${each}\\b`, 'm').test(text.slice(from)));
      await until(() => childrenOf(child.pid).length === 0 || probeGone(), { what: `${name} to be done with the readiness probe` });
    };

    const start = async (): Promise<void> => {
      for (let attempt = 1; ; attempt += 1) {
        if (options.port === undefined && !ready) port = await freePort(options.within === undefined ? address : '127.0.0.1');
        try {
          return await launch();
        } catch (error) {
          await server?.stop('SIGKILL');
          if (attempt >= 5 || !/Address already in use|Cannot bind/.test(String(error))) throw error;
        }
      }
    };

    let ready = false;
    await readHostKeys();
    await start();
    ready = true;
    const knownHostsFile = join(dir, 'known_hosts');
    const knownHostsLine = (...names: readonly string[]): string => {
      const subject = names.length > 0 ? names.join(',') : port === 22 ? address : `[${address}]:${port}`;
      return hostKeys.map((key) => `${subject} ${key.publicKey}\n`).join('');
    };
    writeFileSync(knownHostsFile, knownHostsLine());

    const halt = async (): Promise<void> => {
      await server?.stop('SIGTERM');
    };
    const matches = (pattern: RegExp): RegExpMatchArray[] => [...text.matchAll(pattern)];
    const sessionPids = (): number[] => (server === undefined || server.hasExited() ? [] : childrenOf(server.pid));

    const sshd: Sshd = {
      name,
      address,
      get port() {
        return port;
      },
      user: accounts[0]?.name ?? userInfo().username,
      get pid() {
        return server?.pid ?? -1;
      },
      dir,
      version,
      get hostKeys() {
        return hostKeys;
      },
      get fingerprint() {
        return hostKeys[0]?.fingerprint ?? '';
      },
      userKey,
      knownHostsFile,
      knownHostsLine,
      log: () => text,
      waitForLog: async (pattern, ms = 5_000, from = 0) => {
        let look: () => void = () => undefined;
        const found = new Promise<RegExpMatchArray>((resolve) => {
          look = () => {
            const match = text.slice(from).match(pattern);
            if (match) resolve(match);
          };
        });
        watchers.add(look);
        look();
        try {
          return await within(found, { what: `${pattern} in the log of ${name}`, ms, detail: () => text.slice(from) });
        } finally {
          watchers.delete(look);
        }
      },
      connections: () => ({
        accepted: matches(/^Connection from \S+ port (\d+)/gm).filter((match) => !probes.has(Number(match[1]))).length,
        authenticated: matches(/^Accepted \S+ for /gm).length,
        attempts: matches(/^(Accepted|Failed|Partial) \S+ for /gm).length,
        live: sessionPids().length,
      }),
      sessionPids,
      signalSessions: (signal) => {
        const sessions = sessionPids();
        signalAll(
          sessions.flatMap((pid) => [pid, ...descendantsOf(pid)]),
          signal,
        );
        return sessions.length;
      },
      authorize,
      halt,
      restart: async (changes = {}) => {
        await halt();
        settings = { ...settings, ...changes };
        await readHostKeys();
        await start();
      },
      stop: async () => {
        const family = server === undefined ? [] : [server.pid, ...descendantsOf(server.pid)];
        await halt();
        await until(() => !family.some(isAlive), { what: `the processes of ${name} to end` });
        remove(dir);
        live.delete(sshd);
      },
    };
    live.add(sshd);
    return sshd;
  } catch (error) {
    await server?.stop('SIGKILL').catch(() => undefined);
    if (existsSync(dir)) remove(dir);
    throw error;
  }
}

interface Probe {
  readonly banner: string;
  /** Its own port, by which the server's log names the probe; null where it is not known. */
  readonly localPort: number | null;
}

type Prober = (host: string, port: number) => Promise<Probe>;

const dialable = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host);

const probeHere: Prober = (host, port) =>
  new Promise((resolve) => {
    const socket = connect({ host: dialable(host), port });
    let localPort: number | null = null;
    const done = (banner: string): void => {
      socket.destroy();
      resolve({ banner, localPort });
    };
    socket.once('connect', () => {
      localPort = socket.localPort ?? null;
    });
    socket.setTimeout(2_000, () => done(''));
    socket.once('data', (data) => done(data.toString('latin1')));
    socket.once('error', () => done(''));
    socket.once('close', () => done(''));
  });

const PROBE = `
  const s = require('node:net').connect({ host: process.argv[1], port: Number(process.argv[2]) });
  s.once('data', (d) => { process.stdout.write(s.localPort + ' ' + d); s.destroy(); });
  s.once('error', () => s.destroy());
  s.setTimeout(2000, () => s.destroy());
`;

/** The same from inside a network namespace. */
function probeWithin(wrapper: readonly string[]): Prober {
  return async (host, port) => {
    const [command = '', ...words] = [...wrapper, process.execPath, '-e', PROBE, dialable(host), String(port)];
    const { stdout } = await runChild(command, words, { ms: 5_000 });
    const match = /^(\d+) (.*)/s.exec(stdout);
    return { banner: match?.[2] ?? '', localPort: match ? Number(match[1]) : null };
  };
}
