/**
 * What the user trusts: one file a project in a directory of the user's own, never beside the project. It names the project's file and
 * the digests of what was trusted, the last ones: going back to an earlier branch does not ask again.
 */
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { homeOf } from '../config/paths.ts';
import { OPEN_TO_OTHERS, WRITABLE_BY_OTHERS } from '../core/ownership.ts';
import { codeOf, isOwnDirectory, makeOwnDirectory, NotOwnError, readOwnFile, replaceOwnFile, type OwnDirectory } from './own-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface TrustedAs {
  readonly digests: ReadonlySet<string>;
  /** Why nothing of what is there can be believed: then there are no digests. */
  readonly problem: string | null;
}

/** A store that cannot be written, or is not the user's own. */
export class TrustStoreError extends Error {}

/** Of a project: some 70 bytes each. */
const KEPT = 100;

export class TrustStore {
  readonly #directory: string;

  constructor(env: Environment) {
    this.#directory = trustDirectory(env);
  }

  /** Where the trust in a project is kept: to be watched. */
  fileFor(project: string): string {
    return join(this.#directory, `${createHash('sha256').update(project).digest('hex').slice(0, 32)}.json`);
  }

  /** Never rejects: what cannot be read is not trusted. */
  async read(project: string): Promise<TrustedAs> {
    const nothing = (problem: string | null): TrustedAs => ({ digests: new Set(), problem });
    try {
      for (const directory of this.#ways) if (!(await isOwnDirectory(directory))) return nothing(null);
      const text = await readOwnFile(this.fileFor(project));
      return text === null ? nothing(null) : { digests: new Set(digestsIn(text, project)), problem: null };
    } catch (error) {
      return nothing(
        error instanceof NotOwnError ? error.message : `what you trust cannot be read in ${this.#directory} (${codeOf(error)})`,
      );
    }
  }

  /** Rejects with a TrustStoreError. */
  async trust(project: string, digest: string): Promise<void> {
    const digests = await this.#believed(project);
    const kept = [...[...digests].filter((each) => each !== digest), digest].slice(-KEPT);
    await this.#change(async () => {
      await mkdir(dirname(dirname(this.#directory)), { recursive: true, mode: 0o700 });
      for (const directory of this.#ways) await makeOwnDirectory(directory);
      await replaceOwnFile(this.fileFor(project), `${JSON.stringify({ project, digests: kept }, null, 2)}\n`);
    });
  }

  /** False: it was not trusted. Rejects with a TrustStoreError. */
  async revoke(project: string): Promise<boolean> {
    const digests = await this.#believed(project);
    await this.#change(() => rm(this.fileFor(project), { force: true }));
    return digests.size > 0;
  }

  get #ways(): readonly OwnDirectory[] {
    return [
      { path: dirname(this.#directory), bits: WRITABLE_BY_OTHERS },
      { path: this.#directory, bits: OPEN_TO_OTHERS },
    ];
  }

  async #believed(project: string): Promise<ReadonlySet<string>> {
    const { digests, problem } = await this.read(project);
    if (problem !== null) throw new TrustStoreError(problem);
    return digests;
  }

  async #change(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw new TrustStoreError(error instanceof NotOwnError ? error.message : `cannot write in ${this.#directory} (${codeOf(error)})`);
    }
  }
}

/** Unlike the sockets', this directory outlives a login: $TUNNELS_STATE_DIR, $XDG_STATE_HOME/tunnels or ~/.local/state/tunnels. */
function trustDirectory(env: Environment): string {
  const own = env['TUNNELS_STATE_DIR'];
  // The XDG specification: a relative path is to be ignored.
  const xdg = env['XDG_STATE_HOME'];
  const state = xdg && isAbsolute(xdg) ? xdg : join(homeOf(env), '.local', 'state');
  return join(own ? resolve(own) : join(state, 'tunnels'), 'trust');
}

function digestsIn(text: string, project: string): readonly string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const record = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const { project: named, digests } = record;
  return named === project && Array.isArray(digests) ? digests.filter((each): each is string => typeof each === 'string') : [];
}
