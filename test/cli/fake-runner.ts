/** A runner whose every step the test takes, and an outside made of strings. */
import { Readable } from 'node:stream';
import type { LoadFailure, Loaded, LoadOptions } from '../../src/config/loaded.ts';
import type { EventBody, Subject, TunnelsEvent } from '../../src/core/event.ts';
import { buildGraph, type Graph } from '../../src/core/graph.ts';
import { reconcile } from '../../src/core/reconcile.ts';
import { err, ok } from '../../src/core/result.ts';
import type { Snapshot, TunnelView } from '../../src/core/snapshot.ts';
import type { Project } from '../../src/core/spec.ts';
import type { ApplyResult, RunnerPort } from '../../src/runner/runner-port.ts';
import type { CommandLine, Io, RunnerOptions, StopSignal } from '../../src/cli/io.ts';
import type { EnsureOptions, Ensured } from '../../src/daemon/ensure-daemon.ts';
import type { HostOptions, HostOutcome } from '../../src/daemon/host.ts';
import { doubleTunnel } from '../helpers/spec.ts';

export const loadedOf = (project: Project): Loaded => ({
  project,
  mainFile: '/p/tunnels.yaml',
  projectDirectory: '/p',
  watch: [],
  environment: {},
  commands: null,
  diagnostics: [],
  sources: new Map(),
});

export const tunnelView = (name: string, part: Partial<TunnelView> = {}): TunnelView => ({
  name,
  type: 'local',
  state: 'open',
  health: 'none',
  host: 'bastion',
  client: 'client',
  ingress: '127.0.0.1:8080',
  egress: 'web:80',
  pid: 1,
  connections: 0,
  total_connections: 0,
  rx_bytes: 0,
  tx_bytes: 0,
  rtt_ms: null,
  since: '2026-01-01T00:00:00.000Z',
  restarts: 0,
  error: null,
  ...part,
});

export class FakeRunner implements RunnerPort {
  graph: Graph | null = null;
  tunnels: readonly TunnelView[] = [tunnelView('git'), tunnelView('git-inner')];
  hosts: Snapshot['hosts'] = [];
  watching = false;
  /** Every `drainMs` that stop was called with. */
  readonly stops: (number | null)[] = [];
  /** Null: stop resolves at once. */
  held: PromiseWithResolvers | null = null;
  readonly #listeners = new Set<(event: TunnelsEvent) => void>();
  #outcome = withResolvers<'open' | 'failed'>();
  readonly #source: Project | LoadFailure;
  #seq = 0;

  constructor(source: Project | LoadFailure = doubleTunnel()) {
    this.#source = source;
  }

  async apply(): Promise<ApplyResult> {
    if ('diagnostics' in this.#source) {
      this.emit({ kind: 'project', name: '' }, { type: 'rejected', diagnostics: this.#source.diagnostics });
      return { applied: false, failure: this.#source };
    }
    this.graph = buildGraph(this.#source);
    return { applied: true, plan: reconcile(this.graph, null), loaded: loadedOf(this.#source) };
  }
  plan = (): Promise<ApplyResult> => this.apply();
  select(): void {}
  async lend(): ReturnType<RunnerPort['lend']> {
    return { result: await this.apply(), tunnels: this.tunnels.map(({ name }) => name) };
  }
  async release(): Promise<void> {}
  async stopTunnels(): Promise<void> {}
  startTunnels(): void {}
  watch(): void {
    this.watching = true;
  }
  snapshot(): Snapshot {
    return { project: 'test', hosts: this.hosts, tunnels: this.tunnels };
  }
  openConnections(): number {
    return this.tunnels.reduce((sum, tunnel) => sum + tunnel.connections, 0);
  }
  subscribe(listener: (event: TunnelsEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  stuck(): readonly string[] {
    return [];
  }
  settled(signal: AbortSignal): Promise<'open' | 'failed' | 'aborted'> {
    const aborted = new Promise<'aborted'>((resolve) => signal.addEventListener('abort', () => resolve('aborted'), { once: true }));
    return Promise.race([this.#outcome.promise, aborted]);
  }
  async stop({ drainMs }: { readonly drainMs: number | null }): Promise<void> {
    this.stops.push(drainMs);
    if (drainMs !== 0) await this.held?.promise;
    this.emit({ kind: 'project', name: 'test' }, { type: 'stopped' });
  }

  settle(outcome: 'open' | 'failed'): void {
    this.#outcome.resolve(outcome);
  }
  /** It is not over any more: from now on settled waits for another settle. */
  unsettle(): void {
    this.#outcome = withResolvers();
  }
  emit(subject: Subject, body: EventBody): void {
    this.#seq += 1;
    const event = { seq: this.#seq, at: 0, subject, ...body } as TunnelsEvent;
    for (const listener of this.#listeners) listener(event);
  }
  host(name: string, part: Partial<Extract<EventBody, { type: 'host-state' }>>): void {
    this.emit({ kind: 'host', name }, { ...HOST, ...part });
  }
  tunnel(name: string, part: Partial<Extract<EventBody, { type: 'tunnel-state' }>>): void {
    this.emit({ kind: 'tunnel', name }, { ...TUNNEL, ...part });
  }
}

const HOST = {
  type: 'host-state',
  from: 'waiting',
  to: 'connecting',
  waitingOn: [],
  failure: null,
  retryInMs: null,
  tookMs: null,
} as const;
const TUNNEL = { type: 'tunnel-state', from: 'waiting', to: 'opening', waitingOn: [], failure: null, ingress: null, tookMs: null } as const;

export interface PromiseWithResolvers<T = void> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

export function withResolvers<T = void>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

export class FakeIo implements Io {
  readonly cwd: string;
  readonly build = 'b1';
  readonly env: Record<string, string>;
  readonly stdin: Io['stdin'];
  readonly stdout: { text: string; isTTY?: boolean; write(text: string): boolean };
  readonly stderr: { text: string; isTTY?: boolean; write(text: string): boolean };
  readonly runner: FakeRunner;
  /** What load was called with, and the runner was made with. */
  readonly loads: LoadOptions[] = [];
  readonly made: RunnerOptions[] = [];
  /** What runCommand was called with, and what it gives. */
  readonly commands: CommandLine[] = [];
  command: (line: CommandLine) => Promise<number> = async () => 0;
  readonly ensured: EnsureOptions[] = [];
  ensure: (options: EnsureOptions) => Promise<Ensured> = () => Promise.reject(new Error('no process is started in this test'));
  readonly served: HostOptions[] = [];
  /** Resolved: another command has taken the project down. */
  readonly takenDown = withResolvers();
  readonly #source: Project | LoadFailure;
  readonly #listeners = new Set<(signal: StopSignal) => void>();

  constructor(
    options: {
      readonly source?: Project | LoadFailure;
      readonly isTTY?: boolean;
      readonly env?: Record<string, string>;
      readonly stdin?: string;
      readonly cwd?: string;
    } = {},
  ) {
    const output = (): FakeIo['stdout'] => ({
      text: '',
      ...(options.isTTY ? { isTTY: true } : {}),
      write(text: string) {
        this.text += text;
        return true;
      },
    });
    this.#source = options.source ?? doubleTunnel();
    this.cwd = options.cwd ?? '/p';
    this.env = options.env ?? {};
    this.stdin = Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]);
    this.stdout = output();
    this.stderr = output();
    this.runner = new FakeRunner(this.#source);
  }

  onSignal(listener: (signal: StopSignal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  get listening(): number {
    return this.#listeners.size;
  }
  signal(signal: StopSignal): void {
    for (const listener of this.#listeners) listener(signal);
  }
  onReaderGone(): () => void {
    return () => undefined;
  }
  async serve(options: HostOptions): Promise<HostOutcome> {
    this.served.push(options);
    const { runner } = options;
    const stop = (drainMs: number | null): Promise<void> => runner.stop({ drainMs });
    return {
      holds: true,
      host: {
        up: () => undefined,
        takenDown: this.takenDown.promise,
        stop,
        abandon: async () => undefined,
        lastWords: () => undefined,
        close: async () => undefined,
      },
    };
  }
  ensureDaemon(options: EnsureOptions): Promise<Ensured> {
    this.ensured.push(options);
    return this.ensure(options);
  }
  async runDaemon(): Promise<0> {
    return 0;
  }
  runCommand(line: CommandLine): Promise<number | null> {
    this.commands.push(line);
    return this.command(line);
  }
  load: Io['load'] = async (options) => {
    this.loads.push(options);
    return 'diagnostics' in this.#source ? err(this.#source) : ok(loadedOf(this.#source));
  };
  async createRunner(options: RunnerOptions): Promise<RunnerPort> {
    this.made.push(options);
    return this.runner;
  }
}
