/** A project that runs: load → apply, and again at each change of a file. A file that does not load changes nothing. */
import { load } from '../config/load.ts';
import type { LoadOptions, Loaded } from '../config/loaded.ts';
import type { TunnelsEvent } from '../core/event.ts';
import { buildGraph, type Graph } from '../core/graph.ts';
import { formatPlan } from '../core/plan.ts';
import { reconcile } from '../core/reconcile.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { systemClock, type Clock } from '../engine/clock.ts';
import { Engine } from '../engine/engine.ts';
import type { Network } from '../engine/network.ts';
import { realNetwork } from '../engine/real-network.ts';
import { watchWake, type WakeWatch } from '../engine/wake-watch.ts';
import { createAsker, nobody } from './asker.ts';
import type { ApplyResult, Asked, Questions, RunnerPort } from './runner-port.ts';
import { activatedNames, joined, reread, selectionOf, type Selection } from './selection.ts';
import { selectTunnels } from './select.ts';
import { watchFiles, type FileWatch } from './watch.ts';

export interface RunnerOptions {
  readonly load: LoadOptions;
  readonly questions?: Questions;
  readonly verbosity?: 0 | 1 | 2 | 3;
  /** Only these tunnels and what they need; empty is all. */
  readonly names?: readonly string[];
  /** With `names`: without what they need. */
  readonly noDeps?: boolean;
  readonly clock?: Clock;
  readonly network?: Network;
}

export const createRunner = (options: RunnerOptions): RunnerPort => new Runner(options);

class Runner implements RunnerPort {
  readonly #options: RunnerOptions;
  readonly #engine: Engine;
  readonly #clock: Clock;
  #loaded: Loaded | null = null;
  #watchedFiles: readonly string[] = [];
  #readAt = 0;
  #watch: Promise<FileWatch> | null = null;
  #wake: WakeWatch | null = null;
  #applying: Promise<unknown> = Promise.resolve();
  #stopping = false;
  #selection: Selection;
  /** What the last apply() that succeeded went by: a name that is not in the file must not spoil every later reload. */
  #appliedSelection: Selection | null = null;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#selection = selectionOf(options.names ?? [], options.noDeps ?? false);
    this.#clock = options.clock ?? systemClock;
    this.#engine = new Engine({
      clock: this.#clock,
      network: options.network ?? realNetwork,
      asker: createAsker(options.questions ?? nobody, () => this.#loaded?.environment ?? {}),
      verbosity: options.verbosity ?? 0,
    });
  }

  get graph(): Graph | null {
    return this.#engine.graph;
  }

  apply(): Promise<ApplyResult> {
    const result = this.#applying.then(() => this.#apply());
    this.#applying = result.catch(() => undefined);
    return result;
  }

  #lookForChanges(): void {
    this.#wake ??= watchWake(this.#clock, (why) => {
      this.#publish({ type: 'warning', message: `${why}: checking every connection`, hint: null });
      void this.#engine.probe();
    });
  }

  watch(): void {
    this.#watch ??= watchFiles(async () => void (await this.apply()));
    void this.#follow();
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

  settled(signal: AbortSignal): Promise<'open' | 'failed' | 'aborted'> {
    return new Promise((resolve) => {
      const finish = (outcome: 'open' | 'failed' | 'aborted'): void => {
        unsubscribe();
        signal.removeEventListener('abort', onAbort);
        resolve(outcome);
      };
      const look = (): void => {
        const outcome = this.#engine.outcome();
        if (outcome !== 'pending') finish(outcome);
      };
      const onAbort = (): void => finish('aborted');
      let looking = false;
      // An event is published in the middle of a round: look when the round is over, once for all that came with it.
      const unsubscribe = this.subscribe((event) => {
        if (looking || (event.type !== 'tunnel-state' && event.type !== 'host-state' && event.type !== 'applied')) return;
        looking = true;
        setImmediate(() => {
          looking = false;
          look();
        });
      });
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      else queueMicrotask(look);
    });
  }

  async stop({ drainMs }: { readonly drainMs: number | null }): Promise<void> {
    if (!this.#stopping) this.#publish({ type: 'stopping', openConnections: this.#engine.openConnections() });
    const first = !this.#stopping;
    this.#stopping = true;
    this.#wake?.stop();
    await (await this.#watch)?.close();
    await this.#engine.stop(drainMs);
    if (first) this.#publish({ type: 'stopped' });
  }

  async plan(asked?: Asked): Promise<ApplyResult> {
    const selection = asked ? this.#selected(asked) : this.#selection;
    const result = await this.#load(selection);
    if (!result.ok) return { applied: false, failure: result.error };
    return { applied: true, plan: reconcile(this.#desired(result.value, selection), this.#engine.graph), loaded: result.value };
  }

  select(names: readonly string[], options: Omit<Asked, 'names'>): void {
    this.#selection = this.#selected({ names, ...options });
  }

  #selected({ names, noDeps, load: change }: Asked): Selection {
    const selection = joined(this.#selection, names, noDeps);
    return change ? reread(selection, change, this.#options.load.profiles) : selection;
  }

  async stopTunnels(names: readonly string[], { drainMs }: { readonly drainMs: number | null }): Promise<void> {
    await this.#engine.halt(names, drainMs);
  }

  startTunnels(names: readonly string[]): void {
    this.#engine.resume(names);
  }

  #load(selection: Selection): ReturnType<typeof load> {
    const names = activatedNames(selection);
    const { env } = this.#options.load;
    return load({ ...(selection.load ? { ...selection.load, env } : this.#options.load), ...(names.length > 0 ? { names } : {}) });
  }

  #desired(loaded: Loaded, selection: Selection): Graph {
    return buildGraph(selectTunnels(loaded.project, selection.only ?? [], selection));
  }

  async #apply(): Promise<ApplyResult> {
    this.#readAt = this.#clock.now();
    const result = await this.#load(this.#selection);
    this.#watchedFiles = result.ok ? result.value.watch : result.error.watch;
    if (this.#watch) await this.#follow();
    if (!result.ok) {
      this.#selection = this.#appliedSelection ?? this.#selection;
      this.#publish({ type: 'rejected', diagnostics: result.error.diagnostics });
      return { applied: false, failure: result.error };
    }
    const loaded = result.value;
    if (this.#stopping) return { applied: true, plan: { steps: [] }, loaded };
    this.#loaded = loaded;
    this.#appliedSelection = this.#selection;
    this.#lookForChanges();
    const { plan } = this.#engine.apply(this.#desired(loaded, this.#selection), ({ steps }) =>
      this.#publish({ type: 'applied', plan: formatPlan({ steps }), changes: steps.length }),
    );
    return { applied: true, plan, loaded };
  }

  async #follow(): Promise<void> {
    const watch = await this.#watch;
    await watch?.follow(this.#watchedFiles, this.#readAt);
  }

  #publish(body: Parameters<Engine['bus']['publish']>[1]): void {
    this.#engine.bus.publish({ kind: 'project', name: this.#loaded?.project.name ?? '' }, body);
  }
}
