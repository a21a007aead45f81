/** A project directory with a tunnels.yaml, a HOME of its own, and the built program run in it as a child. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { userInfo } from 'node:os';
import { stringify } from 'yaml';
import { type Exit, type RunOptions, type RunResult, runChild, startChild } from './child.ts';
import { refuseStackTrace } from './no-stack-trace.ts';
import { remove, scratch } from './scratch.ts';
import { sshWrapper } from './ssh-wrapper.ts';
import type { Sshd } from './sshd.ts';
import { until, within } from './wait.ts';

/** Text as it is, or a value that becomes YAML. */
export type Yaml = string | Readonly<Record<string, unknown>>;

export interface ProjectOptions {
  readonly yaml?: Yaml;
  /** Other files of the project directory, by relative path. */
  readonly files?: Readonly<Record<string, Yaml>>;
  /** Hosts that are known by these names from ~/.ssh/config and ~/.ssh/known_hosts alone. */
  readonly aliases?: Readonly<Record<string, Sshd>>;
  /** Put before the aliases in ~/.ssh/config. */
  readonly sshConfig?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Runs the program on another machine: `network.on('you')`. */
  readonly within?: readonly string[];
}

export interface ProjectRunOptions extends Omit<RunOptions, 'env'> {
  readonly env?: Readonly<Record<string, string>>;
}

/** One line of `--progress json`: a TunnelsEvent as it was printed. */
export interface PrintedEvent {
  readonly type: string;
  readonly subject?: { readonly kind: string; readonly name: string };
  readonly to?: string;
  readonly ingress?: string | null;
  readonly [field: string]: unknown;
}

export interface Up {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** The first line on either stream that matches, also one from before; fails when the program ends without it. Default 15 s. */
  untilLine(pattern: RegExp, ms?: number): Promise<RegExpMatchArray>;
  /** Everything on stderr that is a JSON object. */
  events(): PrintedEvent[];
  /** The first event that matches, from the `from`th on. Default 15 s. */
  untilEvent(matches: (event: PrintedEvent) => boolean, ms?: number, from?: number): Promise<PrintedEvent>;
  /** Until each of these tunnels is open, or was last seen so. Default 15 s. */
  untilOpen(names: readonly string[], ms?: number): Promise<void>;
  /** The last state of a tunnel or a host, or undefined. */
  state(name: string): string | undefined;
  /** The port of the last ingress the tunnel reported; 0 for a unix socket. */
  port(name: string): number;
  readonly exited: Promise<Exit>;
  signal(signal: NodeJS.Signals): void;
  /** Sends SIGTERM (or another) and waits for the end; kills it after `ms` (default 15 s) and then rejects. */
  stop(signal?: NodeJS.Signals, ms?: number): Promise<Exit>;
}

export interface Project {
  readonly dir: string;
  readonly home: string;
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs the program to its end; default limit 20 s. */
  run(args: readonly string[], options?: ProjectRunOptions): Promise<RunResult>;
  /** `up` with these arguments in the foreground, with `--progress json` unless `progress` says otherwise. */
  up(args?: readonly string[], options?: { readonly progress?: string; readonly env?: Readonly<Record<string, string>> }): Up;
  /** Replaces a file as editors do: a new one is written beside it and renamed over it. */
  write(content: Yaml, file?: string): void;
  /** Writes into the file that is there. */
  writeInPlace(content: Yaml, file?: string): void;
  /** Ends what still runs and removes everything. Rejects when one of its runs printed a stack trace; so does `run`. */
  remove(): Promise<void>;
}

/** The built program; the global setup test/setup/build.ts says where it is. */
export function programFile(): string {
  const built = process.env.TUNNELS_TEST_MAIN;
  if (built === undefined) throw new Error('the program was not built: run through vitest, whose global setup builds it');
  if (built.startsWith('failed: ')) throw new Error(`the program could not be built\n${built.slice('failed: '.length)}`);
  return built;
}

/** The keys of a `hosts:` entry for a server of the harness. */
export const hostEntry = (sshd: Sshd, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  hostname: sshd.address,
  port: sshd.port,
  user: sshd.user,
  identity_file: sshd.userKey.privateKeyFile,
  known_hosts: sshd.knownHostsFile,
  ...more,
});

/** A Host block of ssh_config(5) for a server of the harness. */
export const sshConfigBlock = (alias: string, sshd: Sshd, more: readonly string[] = []): string =>
  [
    `Host ${alias}`,
    `  HostName ${sshd.address}`,
    `  Port ${sshd.port}`,
    `  User ${sshd.user}`,
    `  IdentityFile ${sshd.userKey.privateKeyFile}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${sshd.knownHostsFile}`,
    ...more.map((line) => `  ${line}`),
    '',
  ].join('\n');

const text = (content: Yaml): string => (typeof content === 'string' ? content : stringify(content));

const live = new Set<Project>();
/** Projects of this process that have not been removed. */
export const liveProjects = (): Project[] => [...live];

export function createProject(options: ProjectOptions = {}): Project {
  const root = scratch('project');
  const [dir, home, stateDir, runtimeDir] = ['project', 'home', 'state', 'runtime'].map((name) => join(root, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const each of [dir, home, stateDir, runtimeDir, join(home, '.ssh')]) mkdirSync(each, { mode: 0o700 });
  const aliases = Object.entries(options.aliases ?? {});
  const sshConfig = join(home, '.ssh', 'config');
  writeFileSync(sshConfig, [options.sshConfig ?? '', ...aliases.map(([alias, sshd]) => sshConfigBlock(alias, sshd))].join('\n'));
  writeFileSync(join(home, '.ssh', 'known_hosts'), aliases.map(([, sshd]) => readFileSync(sshd.knownHostsFile, 'utf8')).join(''));

  // Nothing of the user's environment but the way to the programs: no agent, no TUNNELS_*, no proxies.
  const env: Record<string, string> = {
    PATH: `${sshWrapper(root, sshConfig)}:${process.env.PATH ?? '/usr/bin:/bin'}`,
    HOME: home,
    USER: userInfo().username,
    LOGNAME: userInfo().username,
    LANG: 'C.UTF-8',
    NO_COLOR: '1',
    TUNNELS_STATE_DIR: stateDir,
    XDG_RUNTIME_DIR: runtimeDir,
    ...(process.env.LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH: process.env.LD_LIBRARY_PATH }),
    ...options.env,
  };
  const ups = new Set<Up>();
  const pathOf = (file: string): string => {
    const path = join(dir, file);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  };
  const commandFor = (args: readonly string[]): [string, string[]] => {
    const [command = process.execPath, ...words] = [...(options.within ?? []), process.execPath, '--', programFile(), ...args];
    return [command, words];
  };
  let writes = 0;

  const project: Project = {
    dir,
    home,
    stateDir,
    env,
    run: async (args, runOptions = {}) => {
      const [command, words] = commandFor(args);
      const result = await runChild(command, words, { cwd: dir, ...runOptions, env: { ...env, ...runOptions.env } });
      refuseStackTrace(`${result.stdout}\n${result.stderr}`);
      return result;
    },
    up: (args = [], upOptions = {}) => {
      const [command, words] = commandFor(['--progress', upOptions.progress ?? 'json', 'up', ...args]);
      const up = follow(startChild(command, words, { cwd: dir, env: { ...env, ...upOptions.env } }));
      ups.add(up);
      return up;
    },
    write: (content, file = 'tunnels.yaml') => {
      writes += 1;
      const path = pathOf(file);
      writeFileSync(`${path}.${writes}~`, text(content));
      renameSync(`${path}.${writes}~`, path);
    },
    writeInPlace: (content, file = 'tunnels.yaml') => writeFileSync(pathOf(file), text(content)),
    remove: async () => {
      for (const up of ups) await up.stop('SIGKILL').catch(() => undefined);
      if (existsSync(root)) remove(root);
      live.delete(project);
      for (const up of ups) refuseStackTrace(`${up.stdout()}\n${up.stderr()}`);
    },
  };
  live.add(project);
  if (options.yaml !== undefined) project.writeInPlace(options.yaml);
  for (const [file, content] of Object.entries(options.files ?? {})) project.writeInPlace(content, file);
  return project;
}

function follow(child: ReturnType<typeof startChild>): Up {
  const output = (): string => `stdout: ${child.stdout()}\nstderr: ${child.stderr()}`;
  const lines = (): string[] => `${child.stdout()}\n${child.stderr()}`.split('\n');
  const events = (): PrintedEvent[] =>
    child
      .stderr()
      .split('\n')
      // The last piece may be half a line.
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as PrintedEvent);
  const states = (name: string): PrintedEvent[] => events().filter((event) => event.subject?.name === name && event.to !== undefined);

  /** Looks again until it is there; the program's end is the last chance. */
  const watch = async <T>(look: () => T | undefined, what: string, ms: number): Promise<T> => {
    const found = await until(
      () => {
        const over = child.hasExited();
        const seen = look();
        if (seen === undefined && over) throw new Error(`the program ended while the test waited for ${what}\n${output()}`);
        return seen === undefined ? null : { seen };
      },
      { what, ms, detail: output },
    );
    return found.seen;
  };

  const up: Up = {
    pid: child.pid,
    stdout: child.stdout,
    stderr: child.stderr,
    events,
    exited: child.exited,
    untilLine: (pattern, ms = 15_000) =>
      watch(
        () =>
          lines()
            .map((line) => line.match(pattern))
            .find((match) => match !== null),
        `a line like ${pattern}`,
        ms,
      ),
    untilEvent: (matches, ms = 15_000, from = 0) => watch(() => events().slice(from).find(matches), 'an event', ms),
    untilOpen: async (names, ms = 15_000) => {
      await watch(() => (names.every((name) => up.state(name) === 'open') ? true : undefined), `${names.join(', ')} to be open`, ms);
    },
    state: (name) => states(name).at(-1)?.to,
    port: (name) => {
      const ingress = states(name)
        .map((event) => event.ingress)
        .filter((each) => typeof each === 'string')
        .at(-1);
      if (ingress === undefined) throw new Error(`${name} has reported no ingress\n${output()}`);
      return Number(/:(\d+)$/.exec(ingress)?.[1] ?? 0);
    },
    signal: (signal) => {
      process.kill(child.pid, signal);
    },
    stop: async (signal = 'SIGTERM', ms = 15_000) => {
      if (child.hasExited()) return child.exited;
      process.kill(child.pid, signal);
      try {
        return await within(child.exited, { what: `the program to end after ${signal}`, ms, detail: output });
      } finally {
        if (!child.hasExited()) await child.stop('SIGKILL');
      }
    },
  };
  return up;
}
