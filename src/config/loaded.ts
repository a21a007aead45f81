/** What loading a configuration is given and gives: the port of src/config. */
import type { Diagnostic } from '../core/diagnostic.ts';
import type { Project } from '../core/spec.ts';
import type { Result } from '../core/result.ts';
import type { ProjectCommands } from './project-commands.ts';

export interface LoadOptions {
  /** Where the search for tunnels.yaml begins (upwards), and what relative -f paths are relative to. Absolute. */
  readonly cwd: string;
  /** -f, in order; `-` is stdin. Empty: TUNNELS_FILE of env (path-separator list), else the search. */
  readonly files: readonly string[];
  /** -p. */
  readonly projectName?: string;
  /** --profile; `*` is all. Empty: TUNNELS_PROFILES of env (comma list). */
  readonly profiles: readonly string[];
  /** --env-file, in order, later wins. Empty: `.env` of the project directory where it exists. */
  readonly envFiles: readonly string[];
  /** The process environment: wins over env files. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of stdin, for `-f -`; read once by the caller. */
  readonly stdin?: string;
  /** Names given on the command line (`up NAME…`): activates them and their profiles, as compose does. Unknown ones are diagnostics. */
  readonly names?: readonly string[];
  /** Names given by earlier commands on a project that runs: they activate, too, as far as the file still has them. */
  readonly standing?: readonly string[];
}

export interface Loaded {
  readonly project: Project;
  /** The first file, absolute, real path; `<stdin>` for `-f -`. It is the project's identity. */
  readonly mainFile: string;
  /** Absolute; where relative paths of the file are relative to. */
  readonly projectDirectory: string;
  /** Every file that was read or would have been had it existed (override, .env, includes): what to watch. */
  readonly watch: readonly string[];
  /** Environment and env files together: where `{env: NAME}` secrets are looked up. */
  readonly environment: Readonly<Record<string, string>>;
  /** What it would run on this machine, which the user has to trust first; null where it runs nothing. */
  readonly commands: ProjectCommands | null;
  /** Warnings; errors end in the other branch. */
  readonly diagnostics: readonly Diagnostic[];
  /** The texts that were read, by the file name diagnostics use, for code frames. */
  readonly sources: ReadonlyMap<string, string>;
}

export interface LoadFailure {
  /** At least one error, all that could be found, in order of file and line. */
  readonly diagnostics: readonly Diagnostic[];
  readonly watch: readonly string[];
  readonly sources: ReadonlyMap<string, string>;
}

export type Load = (options: LoadOptions) => Promise<Result<Loaded, LoadFailure>>;
