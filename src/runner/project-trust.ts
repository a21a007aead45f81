/** Whether the commands of a project may run, and what becomes of it where they may not. */
import type { Loaded } from '../config/loaded.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import type { Project } from '../core/spec.ts';
import { trusted, withoutTrust, type Kept } from '../core/trust.ts';
import type { TrustStore } from './trust-store.ts';

export interface Settled {
  readonly project: Project;
  /** Beside those of the file. */
  readonly warnings: readonly Diagnostic[];
  /** A change of it may change the answer. */
  readonly watch: readonly string[];
  /** The trust under which its commands run. */
  readonly as: string | null;
}

export class ProjectTrust {
  readonly #store: Pick<TrustStore, 'read' | 'fileFor'>;
  /** The trust under which commands run now. */
  #as: string | null = null;

  constructor(store: Pick<TrustStore, 'read' | 'fileFor'>) {
    this.#store = store;
  }

  /** `running` is what is applied. Looks nothing up for a project without commands. */
  async settle({ project, commands }: Loaded, running: Project | null): Promise<Settled> {
    if (commands === null) return { project, warnings: [], watch: [], as: null };
    const { file, digest } = commands;
    const watch = [this.#store.fileFor(file)];
    const { digests, problem } = await this.#store.read(file);
    if (digests.has(digest)) return { project: trusted(project), warnings: [], watch, as: digest };
    const stillTrusted = this.#as !== null && digests.has(this.#as);
    const settled = withoutTrust(project, running, { stillTrusted });
    const warnings = [...(problem === null ? [] : [warning(problem, null)]), ...keptWarning(settled.kept, commands)];
    return { project: settled.project, warnings, watch, as: stillTrusted ? this.#as : null };
  }

  applied({ as }: Settled): void {
    this.#as = as;
  }
}

function keptWarning(kept: readonly Kept[], { list }: NonNullable<Loaded['commands']>): Diagnostic[] {
  if (kept.length === 0) return [];
  const names = kept.map(({ kind, name }) => `${kind} ${name}`).join(', ');
  const isOf = ({ name: own }: { readonly name: string }): boolean => kept.some(({ name }) => name === own || name.startsWith(`${own}-`));
  const message = `${names}: left as before, for the file has commands there that you have not allowed`;
  return [warning(message, list.find(isOf) ?? null)];
}

const warning = (message: string, at: Pick<Diagnostic, 'range'> | null): Diagnostic => ({
  code: 'untrusted',
  severity: 'warning',
  message,
  range: at?.range ?? null,
  hint: at ? 'look at them, and allow them: tunnels trust' : null,
});
