/** What `config`, `graph`, `plan` and every --dry-run begin with: the project, or its problems told. */
import type { Loaded } from '../../config/loaded.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { loadOptions } from '../load-options.ts';
import { reportProblems } from '../problem-report.ts';

/** Null: it is not valid, and that has been said. Warnings are told here too. */
export async function loadedProject(io: Io, globals: GlobalOptions, names: readonly string[] = []): Promise<Loaded | null> {
  const result = await io.load(await loadOptions(io, globals, names));
  await reportProblems(io, globals, result.ok ? result.value : result.error);
  return result.ok ? result.value : null;
}
