/** A played project that is up in this process, and the outside of a command that is run beside its file. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cli } from '../../src/cli/cli.ts';
import { serveRunner, type Host, type HostOptions } from '../../src/daemon/host.ts';
import { projectIdentity } from '../../src/daemon/paths.ts';
import { PlayedRunner } from '../daemon/played-runner.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { until } from '../helpers/wait.ts';
import { hostSpec, project, tunnelSpec } from '../helpers/spec.ts';
import { FakeIo } from './fake-runner.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export class RunningScene {
  readonly dir = scratch('cli');
  readonly runner = new PlayedRunner(project([hostSpec('bastion')], [tunnelSpec('web'), tunnelSpec('git')]));
  #host: Host | null = null;

  constructor() {
    mkdirSync(join(this.dir, 'shop'));
    writeFileSync(join(this.dir, 'shop', 'tunnels.yaml'), '');
  }

  /** Of a command in the project's directory. */
  io(options: ConstructorParameters<typeof FakeIo>[0] = {}): FakeIo {
    const env = { TUNNELS_STATE_DIR: join(this.dir, 's'), ...options.env };
    return new FakeIo({ cwd: join(this.dir, 'shop'), ...options, env });
  }

  async run(argv: readonly string[], io = this.io()): Promise<Ran> {
    const code = await cli(argv, io, '1.2.3');
    return { code, out: io.stdout.text, err: io.stderr.text };
  }

  /** Holds the project, and applies it unless told otherwise. */
  async up(part: Partial<HostOptions> = {}, { applied = true } = {}): Promise<void> {
    const file = await projectIdentity(join(this.dir, 'shop', 'tunnels.yaml'));
    const root = join(this.dir, 's');
    const outcome = await serveRunner({ runner: this.runner, file, root, build: 'b1', mode: 'background', ...part });
    if (!outcome.holds) throw new Error('it is held by another one');
    this.#host = outcome.host;
    if (applied) await this.begin();
  }

  async begin(): Promise<void> {
    await this.runner.apply();
    this.#host?.up();
    this.runner.calls.length = 0;
  }

  /** Resolves once it is up and has been taken down. */
  async takenDown(): Promise<void> {
    await until(() => this.#host !== null, { what: 'the project to be held' });
    await this.#host?.takenDown;
  }

  async end(): Promise<void> {
    await this.#host?.close();
    remove(this.dir);
  }
}
