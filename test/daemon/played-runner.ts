/** A project whose every step the test takes, for what serves and asks a RunnerPort. */
import type { Loaded, LoadFailure } from '../../src/config/loaded.ts';
import type { EventBody, Subject, TunnelsEvent } from '../../src/core/event.ts';
import { buildGraph, type Graph } from '../../src/core/graph.ts';
import { reconcile } from '../../src/core/reconcile.ts';
import type { Snapshot, TunnelView } from '../../src/core/snapshot.ts';
import type { Project } from '../../src/core/spec.ts';
import type { ApplyResult, RunnerPort } from '../../src/runner/runner-port.ts';
import type { Use } from '../../src/runner/selection.ts';

export class PlayedRunner implements RunnerPort {
  graph: Graph | null = null;
  project: Project;
  /** Set: the file is not valid. */
  failure: LoadFailure | null = null;
  readonly views = new Map<string, TunnelView>();
  /** What was called, in order: `stop null`, `apply`, `select web (noDeps)`. */
  readonly calls: string[] = [];
  /** Set: stopping takes until it resolves, or until a stop with 0. */
  draining: Promise<void> | null = null;
  hurried: () => void = () => undefined;
  /** The uses, in order. */
  readonly lent: string[] = [];
  settledAs: 'open' | 'failed' | null = null;
  /** Beside those that have failed themselves. */
  readonly stuckNames = new Set<string>();
  readonly #listeners = new Set<(event: TunnelsEvent) => void>();
  #seq = 0;

  constructor(project: Project) {
    this.project = project;
  }

  async apply(): Promise<ApplyResult> {
    this.calls.push('apply');
    const result = await this.plan();
    if (!result.applied) return result;
    this.graph = buildGraph(this.project);
    for (const spec of this.project.tunnels.values()) {
      if (!this.views.has(spec.name)) this.views.set(spec.name, view(spec.name));
    }
    return result;
  }

  async plan(): Promise<ApplyResult> {
    if (this.failure) return { applied: false, failure: this.failure };
    return { applied: true, plan: reconcile(buildGraph(this.project), this.graph), loaded: loaded(this.project) };
  }

  select(names: readonly string[], { noDeps }: { readonly noDeps: boolean }): void {
    this.calls.push(`select ${names.join(' ')}${noDeps ? ' (noDeps)' : ''}`);
  }

  async stopTunnels(names: readonly string[], { drainMs }: { readonly drainMs: number | null }): Promise<void> {
    this.calls.push(`stopTunnels ${names.join(' ')} ${drainMs}`);
    await this.draining;
    for (const name of names) this.set(name, { state: 'closed' });
  }

  startTunnels(names: readonly string[]): void {
    this.calls.push(`startTunnels ${names.join(' ')}`);
    for (const name of names) this.set(name, { state: 'open' });
  }

  async lend(id: string, { names, noDeps }: Use): ReturnType<RunnerPort['lend']> {
    this.lent.push(id);
    this.calls.push(`lend ${names.join(' ')}${noDeps ? ' (noDeps)' : ''}`.trimEnd());
    const result = await this.plan();
    return { result, tunnels: result.applied ? (names.length > 0 ? names : [...this.views.keys()]) : [] };
  }

  async release(id: string, { drainMs }: { readonly drainMs: number | null }): Promise<void> {
    this.calls.push(`release ${this.lent.indexOf(id) + 1} ${drainMs}`);
    if (drainMs === 0) this.hurried();
    await this.draining;
  }

  watch(): void {
    this.calls.push('watch');
  }

  snapshot(): Snapshot {
    return { project: this.graph ? this.project.name : '', hosts: [], tunnels: [...this.views.values()] };
  }

  openConnections(): number {
    return [...this.views.values()].reduce((sum, each) => sum + each.connections, 0);
  }

  subscribe(listener: (event: TunnelsEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get listening(): number {
    return this.#listeners.size;
  }

  stuck(): readonly string[] {
    return [...this.views.values()].filter(({ name, state }) => state === 'failed' || this.stuckNames.has(name)).map(({ name }) => name);
  }

  settled(signal: AbortSignal): Promise<'open' | 'failed' | 'aborted'> {
    if (this.settledAs) return Promise.resolve(this.settledAs);
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted'), { once: true }));
  }

  async stop({ drainMs }: { readonly drainMs: number | null }): Promise<void> {
    this.calls.push(`stop ${drainMs}`);
    if (drainMs === 0) this.hurried();
    await this.draining;
    this.emit({ kind: 'project', name: this.project.name }, { type: 'stopped' });
  }

  /** Changes a row, and tells of its state. */
  set(name: string, part: Partial<TunnelView>): void {
    const before = this.views.get(name) ?? view(name);
    this.views.set(name, { ...before, ...part });
    const tunnel = { from: before.state, to: part.state ?? before.state, waitingOn: [], failure: null, ingress: null, tookMs: null };
    this.emit({ kind: 'tunnel', name }, { type: 'tunnel-state', ...tunnel });
  }

  emit(subject: Subject, body: EventBody, at = Date.now()): void {
    this.#seq += 1;
    const event: TunnelsEvent = { seq: this.#seq, at, subject, ...body };
    for (const listener of this.#listeners) listener(event);
  }

  /** Something small that happens to a tunnel. */
  debug(name: string, message: string, at?: number): void {
    this.emit({ kind: 'tunnel', name }, { type: 'debug', level: 1, message }, at);
  }

  warn(name: string, message: string, at?: number): void {
    this.emit({ kind: 'tunnel', name }, { type: 'warning', message, hint: null }, at);
  }
}

const loaded = (project: Project): Loaded => ({
  project,
  mainFile: '/p/tunnels.yaml',
  projectDirectory: '/p',
  watch: [],
  environment: {},
  commands: null,
  diagnostics: [],
  sources: new Map([['tunnels.yaml', 'tunnels: {}']]),
});

export const view = (name: string, part: Partial<TunnelView> = {}): TunnelView => ({
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
