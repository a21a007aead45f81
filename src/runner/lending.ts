/** What commands that are running ask for beside what `up` asked for, and what was stopped before they did. */
import type { Graph } from '../core/graph.ts';
import type { Project } from '../core/spec.ts';
import { tunnelsNamed } from '../core/named.ts';
import { activePart, selectTunnels } from './select.ts';
import { joined, nothingOf, withUses, type Selection, type Use } from './selection.ts';

/** What is applied. */
interface Applied {
  readonly project: Project | null;
  readonly graph: Graph | null;
  /** What `up` asked for. */
  readonly selection: Selection;
}

export class Lending {
  readonly #applied: () => Applied;
  readonly #uses = new Map<string, Use>();
  /** By `stop`, before the first use of them: stopped again after the last. */
  readonly #stopped = new Set<string>();
  /** Tunnels that drain because a use of them is over. */
  readonly #leaving = new Map<string, readonly string[]>();

  constructor(applied: () => Applied) {
    this.#applied = applied;
  }

  add(id: string, use: Use): void {
    this.#uses.set(id, use);
  }

  /** False: there is no such use. */
  remove(id: string): boolean {
    return this.#uses.delete(id);
  }

  selection(base: Selection): Selection {
    return withUses(base, this.#uses.values());
  }

  /** Whether all it asks for is applied already. */
  covers(use: Use): boolean {
    const { project, graph, selection } = this.#applied();
    const now = this.selection(selection);
    if (!project || !graph || use.profiles.some((profile) => !now.load.profiles.includes(profile))) return false;
    if (use.names.length === 0) return now.only === null;
    return (
      use.names.every((name) => tunnelsNamed(name, project.tunnels.keys()).length > 0) &&
      this.tunnelsOf(use).every((name) => graph.tunnels.has(name))
    );
  }

  /** The tunnels it is about. */
  tunnelsOf({ profiles, ...use }: Use): string[] {
    const { project, selection } = this.#applied();
    const nothing = nothingOf(selection.load);
    return project ? askedOf(project, joined(nothing, { ...use, load: { ...selection.load, profiles } })) : [];
  }

  /** What runs and nobody asks for any more. */
  unasked(): string[] {
    const { project, graph, selection } = this.#applied();
    if (!project || !graph) return [];
    const asked = new Set(askedOf(project, this.selection(selection)));
    return [...graph.tunnels.keys()].filter((name) => !asked.has(name));
  }

  /** `closed` are started for a use. */
  started(closed: readonly string[]): void {
    for (const name of closed) this.#stopped.add(name);
  }

  /** Those that were stopped before and that no use is about any more. */
  toStop(): string[] {
    if (this.#stopped.size === 0) return [];
    const used = new Set([...this.#uses.values()].flatMap((use) => this.tunnelsOf(use)));
    return [...this.#stopped].filter((name) => !used.has(name));
  }

  /** The user has said since what is to be with them; null: with all. */
  forget(names: readonly string[] | null): void {
    if (names === null) this.#stopped.clear();
    else for (const name of names) this.#stopped.delete(name);
  }

  leaving(id: string): readonly string[] {
    return this.#leaving.get(id) ?? [];
  }

  /** Until the function it gives is called. */
  leave(id: string, names: readonly string[]): () => void {
    this.#leaving.set(id, names);
    return () => void this.#leaving.delete(id);
  }
}

const askedOf = (project: Project, selection: Selection): string[] => [
  ...selectTunnels(activePart(project, selection), selection).tunnels.keys(),
];
