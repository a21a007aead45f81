/** Which configuration: the same choices the command line has, and the same defaults. */
import { resolve } from 'node:path';
import type { LoadOptions } from '../config/loaded.ts';

export interface ProjectOptions {
  /** Where `tunnels.yaml` is looked for, upwards, and what relative `files` are relative to. Default: the working directory. */
  readonly cwd?: string;
  /** The files, merged in order, as with `-f`. Default: `TUNNELS_FILE` of `env`, else the search. */
  readonly files?: readonly string[];
  /** The project's name, instead of the one in the file. */
  readonly projectName?: string;
  /** Profiles to activate; `*` is all. Default: `TUNNELS_PROFILES` of `env`. */
  readonly profiles?: readonly string[];
  /** Files of variables, later ones win. Default: `.env` beside the file, where it exists. */
  readonly envFiles?: readonly string[];
  /** Replaces `process.env`, for `${VAR}` and `{env: NAME}`; it wins over `envFiles`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Only these tunnels, and what they need; naming one activates its profiles. Default: all that are active. */
  readonly names?: readonly string[];
}

export function toLoadOptions({ cwd, files, projectName, profiles, envFiles, env, names }: ProjectOptions): LoadOptions {
  return {
    cwd: resolve(cwd ?? process.cwd()),
    files: files ?? [],
    profiles: profiles ?? [],
    envFiles: envFiles ?? [],
    env: env ?? process.env,
    ...(projectName === undefined ? {} : { projectName }),
    ...(names === undefined || names.length === 0 ? {} : { names }),
  };
}
