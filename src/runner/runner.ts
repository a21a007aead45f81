/** A project that runs: load → apply, and again at each change of a file. A file that does not load changes nothing. */
import { load } from '../config/load.ts';
import { ParsedFiles } from '../config/parsed-files.ts';
import type { LoadOptions, Loaded } from '../config/loaded.ts';
import { profilesAsked } from '../config/profiles.ts';
import type { TunnelsEvent } from '../core/event.ts';
import { buildGraph, type Graph } from '../core/graph.ts';
import { formatPlan } from '../core/plan.ts';
import { reconcile } from '../core/reconcile.ts';
import type { Snapshot } from '../core/snapshot.ts';
import type { Project } from '../core/spec.ts';
import { systemClock, type Clock } from '../engine/clock.ts';
import { Engine } from '../engine/engine.ts';
import type { Network } from '../engine/network.ts';
import { realNetwork } from '../engine/real-network.ts';
import { watchDescriptors, type DescriptorWatch } from '../engine/descriptor-watch.ts';
import { watchWake, type WakeWatch } from '../engine/wake-watch.ts';
import { createAsker, nobody } from './asker.ts';
import { Lending } from './lending.ts';
import { ProjectTrust, type Settled } from './project-trust.ts';
import { RunningCommands } from './running-commands.ts';
import type { ApplyResult, Questions, RunnerPort } from './runner-port.ts';
import { activatedNames, joined, nothingOf, type Asked, type Selection, type Use } from './selection.ts';
import { selectTunnels } from './select.ts';
import { untilSettled } from './settled.ts';
import { TrustStore } from './trust-store.ts';
import { watchFiles, type FileWatch } from './watch.ts';

export interface RunnerOptions {
  readonly load: LoadOptions;
  readonly questions?: Questions;
  readonly verbosity?: 0 | 1 | 2 | 3;
  /** Only these tunnels and what they need; empty is all. */
  readonly names?: readonly string[];
  /** With `names`: without what they need. */
  readonly noDeps?: boolean;
  /** Only this use asks for them, until it is released. */
  readonly use?: string;
  readonly clock?: Clock;
  readonly network?: Network;
}

interface Reading {
  /** When that began, on the runner's clock. */
  readonly at: number;
  /** What was asked for by then: more may have been since. */
  readonly asked: Selection;
  readonly named: readonly string[];
  /** With what is lent. */
  readonly selection: Selection;
  readonly result: Awaited<ReturnType<typeof load>>;
}

export const createRunner = (options: RunnerOptions): RunnerPort => new Runner(options);

class Runner implements RunnerPort {
  readonly #options: RunnerOptions;
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #trust: ProjectTrust;
  /** Those that print secrets; the others end with their tunnels. */
  readonly #commands: RunningCommands;
  readonly #lending = new Lending(() => ({ project: this.#project, graph: this.#engine.graph, selection: this.#selection }));
  #loaded: Loaded | null = null;
  /** What is applied, without what may not run. */
  #project: Project | null = null;
  #watchedFiles: readonly string[] = [];
  #readAt = 0;
  #watch: Promise<FileWatch> | null = null;
  #wake: WakeWatch | null = null;
  #descriptors: DescriptorWatch | null = null;
  /** For all who load: a file is parsed in one go, whoever else is in the middle of a load. */
  readonly #parsed = new ParsedFiles();
  #applying: Promise<unknown> = Promise.resolve();
  #stopping = false;
  #selection: Selection;
  /** Names that a command has just given: these must be in the file. Those of earlier ones may have gone from it since. */
  #justNamed: readonly string[];
  /** What the last apply() that succeeded went by: a name that is not in the file must not spoil every later reload. */
  #appliedSelection: Selection | null = null;

  constructor(options: RunnerOptions) {
    this.#options = options;
    const { env: _env, names: _names, ...load } = options.load;
    const nothing = nothingOf({ ...load, profiles: profilesAsked(options.load) });
    const { names = [], noDeps = false, use } = options;
    this.#justNamed = names;
    this.#selection = use === undefined ? joined(nothing, { names, noDeps }) : nothing;
    if (use !== undefined) this.#lending.add(use, { names, noDeps, profiles: [] });
    this.#clock = options.clock ?? systemClock;
    const network = options.network ?? realNetwork;
    this.#trust = new ProjectTrust(new TrustStore(options.load.env));
    this.#commands = new RunningCommands(network.runCommand);
    this.#engine = new Engine({
      clock: this.#clock,
      network,
      asker: createAsker(options.questions ?? nobody, () => this.#loaded?.environment ?? {}, this.#commands.run),
      verbosity: options.verbosity ?? 0,
    });
  }

  get graph(): Graph | null {
    return this.#engine.graph;
  }

  apply(): Promise<ApplyResult> {
    return this.#inTurn(() => this.#apply());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#applying.then(work);
    this.#applying = result.catch(() => undefined);
    return result;
  }

  #lookForChanges(): void {
    this.#wake ??= watchWake(this.#clock, (why) => {
      this.#publish({ type: 'warning', message: `${why}: checking every connection`, hint: null });
      void this.#engine.probe();
    });
    const hint = 'what is open goes on; raise the limit (ulimit -n), or lower max_connections';
    this.#descriptors ??= watchDescriptors(this.#clock, () =>
      this.#publish({ type: 'warning', message: 'file descriptors have run out: new clients are turned away until some leave', hint }),
    );
  }

  watch(): void {
    this.#watch ??= watchFiles((isWhole) =>
      this.#inTurn(async () => {
        const read = await this.#read();
        if (await isWhole()) await this.#take(read);
      }),
    );
    void this.#follow(this.#watchedFiles);
  }

  snapshot(): Snapshot {
    return this.#engine.snapshot();
  }

  openConnections(): number {
    return this.#engine.openConnections();
  }

  subscribe(listener: (event: TunnelsEvent) => void): () => void {
    return this.#engine.bus.subscribe(listener);
  }

  stuck(): readonly string[] {
    return this.#engine.stuck();
  }

  settled(signal: AbortSignal): Promise<'open' | 'failed' | 'aborted'> {
    return untilSettled(this.#engine, signal);
  }

  async stop({ drainMs }: { readonly drainMs: number | null }): Promise<void> {
    if (!this.#stopping) this.#publish({ type: 'stopping', openConnections: this.#engine.openConnections() });
    const first = !this.#stopping;
    this.#stopping = true;
    this.#wake?.stop();
    this.#descriptors?.stop();
    await (await this.#watch)?.close();
    await this.#engine.stop(drainMs);
    await this.#commands.ended();
    if (first) this.#publish({ type: 'stopped' });
  }

  async plan(asked?: Asked): Promise<ApplyResult> {
    const selection = this.#lending.selection(asked ? joined(this.#selection, asked) : this.#selection);
    const result = await this.#load(selection, asked?.names ?? []);
    if (!result.ok) return { applied: false, failure: result.error };
    const settled = await this.#settled(result.value);
    const loaded = withWarnings(result.value, settled);
    return { applied: true, plan: reconcile(desired(settled.project, selection), this.#engine.graph), loaded };
  }

  select(names: readonly string[], options: Omit<Asked, 'names'>): void {
    this.#selection = joined(this.#selection, { names, ...options });
    this.#justNamed = [...this.#justNamed, ...names];
    this.#lending.forget(names.length > 0 ? names : null);
  }

  lend(id: string, use: Use): ReturnType<RunnerPort['lend']> {
    return this.#inTurn(async () => {
      const isThere = this.#lending.covers(use);
      this.#lending.add(id, use);
      const result: ApplyResult =
        isThere && this.#loaded ? { applied: true, plan: { steps: [] }, loaded: this.#loaded } : await this.#apply(use.names);
      if (!result.applied) {
        this.#lending.remove(id);
        return { result, tunnels: [] };
      }
      const tunnels = this.#lending.tunnelsOf(use);
      const states = new Map(this.snapshot().tunnels.map(({ name, state }) => [name, state]));
      const closed = tunnels.filter((name) => states.get(name) === 'closed');
      this.#lending.started(closed);
      this.#engine.resume(closed);
      return { result, tunnels };
    });
  }

  async release(id: string, { drainMs }: { readonly drainMs: number | null }): Promise<void> {
    if (!this.#lending.remove(id)) return this.#engine.halt(this.#lending.leaving(id), drainMs);
    await this.#applying;
    const gone = [...this.#lending.unasked(), ...this.#lending.toStop()];
    if (gone.length === 0 || this.#stopping) return;
    const hasLeft = this.#lending.leave(id, gone);
    await this.#engine.halt(gone, drainMs);
    hasLeft();
    const left = await this.#inTurn(async () => {
      const [unasked, stopped] = [this.#lending.unasked(), this.#lending.toStop()];
      this.#lending.forget(stopped);
      // Somebody has asked for them again meanwhile.
      this.#engine.resume(gone.filter((name) => !unasked.includes(name) && !stopped.includes(name)));
      return unasked.length > 0 && this.#project && !this.#stopping ? this.#applyPart(this.#project, unasked) : null;
    });
    await left?.gone;
  }

  #applyPart(project: Project, without: readonly string[]): ReturnType<Engine['apply']> {
    const running = this.#engine.graph?.tunnels.keys() ?? [];
    const part = selectTunnels(project, { only: [], bare: [...running].filter((name) => !without.includes(name)) });
    return this.#applyGraph(buildGraph(part));
  }

  async stopTunnels(names: readonly string[], { drainMs }: { readonly drainMs: number | null }): Promise<void> {
    this.#lending.forget(names);
    await this.#engine.halt(names, drainMs);
  }

  startTunnels(names: readonly string[]): void {
    this.#lending.forget(names);
    this.#engine.resume(names);
  }

  #load(selection: Selection, names: readonly string[]): ReturnType<typeof load> {
    const options = { ...selection.load, env: this.#options.load.env, names, standing: activatedNames(selection) };
    return load(options, { parsed: this.#parsed });
  }

  #settled(loaded: Loaded): Promise<Settled> {
    return this.#trust.settle(loaded, this.#engine.graph?.project ?? null);
  }

  async #apply(lent: readonly string[] = []): Promise<ApplyResult> {
    return this.#take(await this.#read(lent));
  }

  /** Has no effect. */
  async #read(lent: readonly string[] = []): Promise<Reading> {
    const [at, asked, named] = [this.#clock.now(), this.#selection, this.#justNamed];
    const selection = this.#lending.selection(asked);
    return { at, asked, named, selection, result: await this.#load(selection, [...named, ...lent]) };
  }

  async #take({ at, asked, named, selection, result }: Reading): Promise<ApplyResult> {
    this.#readAt = at;
    if (result.ok || this.#appliedSelection) this.#justNamed = this.#justNamed.slice(named.length);
    if (!result.ok) {
      await this.#follow(result.error.watch);
      if (this.#selection === asked) this.#selection = this.#appliedSelection ?? asked;
      this.#publish({ type: 'rejected', diagnostics: result.error.diagnostics });
      return { applied: false, failure: result.error };
    }
    const settled = await this.#settled(result.value);
    await this.#follow([...result.value.watch, ...settled.watch]);
    const loaded = withWarnings(result.value, settled);
    if (this.#stopping) return { applied: true, plan: { steps: [] }, loaded };
    this.#loaded = loaded;
    this.#project = settled.project;
    this.#appliedSelection = asked;
    this.#lookForChanges();
    this.#trust.applied(settled);
    // The first time they are told with those of the file.
    if (this.#engine.graph) for (const { message, hint } of settled.warnings) this.#publish({ type: 'warning', message, hint });
    return { applied: true, plan: this.#applyGraph(desired(settled.project, selection)).plan, loaded };
  }

  #applyGraph(graph: Graph): ReturnType<Engine['apply']> {
    return this.#engine.apply(graph, ({ steps }) => this.#publish({ type: 'applied', plan: formatPlan({ steps }), changes: steps.length }));
  }

  async #follow(files: readonly string[]): Promise<void> {
    this.#watchedFiles = files;
    const watch = await this.#watch;
    await watch?.follow(files, this.#readAt);
  }

  #publish(body: Parameters<Engine['bus']['publish']>[1]): void {
    this.#engine.bus.publish({ kind: 'project', name: this.#loaded?.project.name ?? '' }, body);
  }
}

const desired = (project: Project, selection: Selection): Graph => buildGraph(selectTunnels(project, selection));

const withWarnings = (loaded: Loaded, { warnings }: Settled): Loaded =>
  warnings.length === 0 ? loaded : { ...loaded, diagnostics: [...loaded.diagnostics, ...warnings] };
