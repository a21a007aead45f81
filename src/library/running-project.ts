/** A project that runs in this process, as the program that brought it up sees it. */
import { clientAddress, type Address } from '../core/address.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import type { TunnelsEvent } from '../core/event.ts';
import { formatPlan } from '../core/plan.ts';
import type { HostView, Snapshot, TunnelView } from '../core/snapshot.ts';
import { boundAddress, boundExports } from '../runner/bound-exports.ts';
import type { RunnerPort } from '../runner/runner-port.ts';
import { configurationError, type LoadedProject } from './load-project.ts';
import { ready, type ReadyOptions } from './ready.ts';
import { TunnelsError } from './tunnels-error.ts';

export interface Reloaded {
  /** How many hosts and tunnels were created, changed or removed. */
  readonly changes: number;
  /** The plan that was carried out, a line a change; empty where nothing had changed. */
  readonly plan: string;
  readonly warnings: readonly Diagnostic[];
}

export interface DownOptions {
  /** How long open connections may take to end, in milliseconds; 0 closes at once. Default: each tunnel's own `drain`. */
  readonly drainMs?: number;
}

/**
 * The tunnels stay up, and keep the process alive, until `down()`. Nothing is written to disk, no signal is handled, and no
 * question is asked unless `questions` were given.
 */
export interface RunningProject {
  /** The project's name. */
  readonly name: string;
  /** The first file's real path; absolute. */
  readonly file: string;
  /** What relative paths of the file are relative to; absolute. */
  readonly directory: string;
  /** What is doubtful in the configuration, though valid, when it was last read. */
  readonly warnings: readonly Diagnostic[];
  /** Every tunnel as it is now, in the order of the file: the fields of `tunnels ps --format json`. Empty once it is down. */
  readonly tunnels: readonly TunnelView[];
  /** Every connection to a host as it is now. */
  readonly hosts: readonly HostView[];
  /** The port that was bound, 1 to 65535; also where port 0 or `on_conflict: next` was asked for. Throws `TunnelsError`. */
  port(tunnel: string): number;
  /**
   * What a client beside the ingress connects to, without the port: `127.0.0.1` for a loopback or wildcard bind, the path of a
   * unix socket. Throws `TunnelsError`.
   */
  address(tunnel: string): string;
  /** The variables of every tunnel that is bound: `TUNNEL_<NAME>_PORT`, `TUNNEL_<NAME>_ADDRESS`, and its own `env`. */
  env(): Record<string, string>;
  /** Calls back for everything that happens from now on, until the returned function is called. */
  on(listener: (event: TunnelsEvent) => void): () => void;
  /**
   * Resolves when every tunnel is open, or healthy (an on-demand one: when it listens). Rejects with `NotOpenError` as soon as one has
   * failed for good, at the limit, or when the signal is aborted; the project runs on.
   */
  ready(options?: ReadyOptions): Promise<void>;
  /**
   * Reads the files again and applies what changed: tunnels that did not change keep their listeners and open connections.
   * Resolves when every tunnel is open. Rejects with `ConfigurationError`, then nothing was changed, or as `ready()` does.
   */
  reload(options?: ReadyOptions): Promise<Reloaded>;
  /** Lets open connections finish, then closes everything. Resolves when nothing is left. Calling it again with 0 hurries it. */
  down(options?: DownOptions): Promise<void>;
  /** `await using project = await up()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

export function runningProject(runner: RunnerPort, loaded: LoadedProject): RunningProject {
  let now = loaded;
  let isDown = false;

  const snapshot = (): Snapshot => runner.snapshot();
  const refuseDown = (): void => {
    if (isDown) throw new TunnelsError({ code: 'down', message: `${now.project.name} is down` });
  };
  const bound = (name: string): Address => {
    refuseDown();
    const { tunnels } = snapshot();
    const tunnel = tunnels.find((each) => each.name === name);
    if (!tunnel) {
      const known = tunnels.map((each) => each.name).join(', ');
      throw new TunnelsError({ code: 'unknown-tunnel', message: `no tunnel is called ${name}`, hint: `there are ${known}` });
    }
    const address = boundAddress(tunnel);
    if (!address) throw new TunnelsError({ code: 'not-bound', message: `${name} is ${tunnel.state}`, hint: 'wait for ready()' });
    return address;
  };

  const project: RunningProject = {
    get name() {
      return now.project.name;
    },
    file: loaded.file,
    directory: loaded.directory,
    get warnings() {
      return now.warnings;
    },
    get tunnels() {
      return snapshot().tunnels;
    },
    get hosts() {
      return snapshot().hosts;
    },
    port(name) {
      const address = bound(name);
      if (address.kind === 'tcp') return address.port;
      throw new TunnelsError({ code: 'no-port', message: `${name} listens on ${address.path}`, hint: 'use address()' });
    },
    address(name) {
      const address = bound(name);
      return address.kind === 'tcp' ? clientAddress(address) : address.path;
    },
    env: () => Object.assign({}, ...boundExports(snapshot(), runner.graph).map(({ exports }) => exports)) as Record<string, string>,
    on: (listener) => runner.subscribe(guarded(listener)),
    async ready(options = {}) {
      refuseDown();
      await ready(runner, options);
    },
    async reload(options = {}) {
      refuseDown();
      const result = await runner.apply();
      if (!result.applied) throw configurationError(result.failure);
      now = { ...now, project: result.loaded.project, warnings: result.loaded.diagnostics };
      await ready(runner, options);
      const { steps } = result.plan;
      return { changes: steps.length, plan: steps.length === 0 ? '' : formatPlan(result.plan), warnings: now.warnings };
    },
    async down({ drainMs } = {}) {
      isDown = true;
      await runner.stop({ drainMs: drainMs ?? null });
    },
    [Symbol.asyncDispose]: () => project.down(),
  };
  return project;
}

/** What a listener throws is its program's own, and must not stop the engine in the middle of a round. */
const guarded =
  (listener: (event: TunnelsEvent) => void) =>
  (event: TunnelsEvent): void => {
    try {
      listener(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
