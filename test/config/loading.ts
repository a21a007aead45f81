/** Loads configurations for the tests of this folder: with a made-up ssh_config and environment, from real files. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { load } from '../../src/config/load.ts';
import type { Loaded, LoadFailure, LoadOptions } from '../../src/config/loaded.ts';
import type { SshConfigLookup } from '../../src/config/ssh-config.ts';
import type { SshSettings } from '../../src/config/ssh-settings.ts';
import { formatDiagnostic, type Diagnostic } from '../../src/core/diagnostic.ts';
import { remove, scratch } from '../helpers/scratch.ts';

export type Aliases = Readonly<Record<string, SshSettings>>;

/** An ssh_config that says something of these names only. */
export const lookupOf =
  (aliases: Aliases = {}): SshConfigLookup =>
  ({ name }) =>
    Promise.resolve({ status: 'answered', matched: Object.hasOwn(aliases, name), settings: aliases[name] ?? {} });

export const HOME = '/home/tester';

export interface Options extends Partial<LoadOptions> {
  readonly aliases?: Aliases;
  readonly lookup?: SshConfigLookup;
}

export interface Outcome {
  readonly loaded: Loaded | null;
  readonly failure: LoadFailure | null;
  readonly diagnostics: readonly Diagnostic[];
  /** `schema 3`, errors only. */
  readonly errors: readonly string[];
  /** As a user reads them. */
  readonly messages: readonly string[];
}

export async function loadIn(cwd: string, { aliases, lookup, ...options }: Options = {}): Promise<Outcome> {
  const given = { cwd, files: [], profiles: [], envFiles: [], ...options, env: { HOME, ...options.env } };
  const result = await load(given, { lookup: lookup ?? lookupOf(aliases) });
  const { diagnostics } = result.ok ? result.value : result.error;
  return {
    loaded: result.ok ? result.value : null,
    failure: result.ok ? null : result.error,
    diagnostics,
    errors: diagnostics.filter((each) => each.severity === 'error').map((each) => `${each.code} ${each.range?.start.line ?? 0}`),
    messages: diagnostics.map(formatDiagnostic),
  };
}

/** A project directory with these files, which is gone after the test. */
export function projectWith(files: Readonly<Record<string, string>>): string {
  const directory = scratch('config');
  onTestFinished(() => remove(directory));
  const project = join(realpathSync(directory), 'shop');
  mkdirSync(project);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project, name)), { recursive: true });
    writeFileSync(join(project, name), text);
  }
  return project;
}

export const loadText = (text: string, options: Options = {}): Promise<Outcome> => loadIn(projectWith({ 'tunnels.yaml': text }), options);

/** Of a configuration that must be valid. */
export async function projectOf(text: string, options: Options = {}): Promise<Loaded['project']> {
  const { loaded, messages } = await loadText(text, options);
  if (!loaded) throw new Error(`it does not load:\n${messages.join('\n')}`);
  return loaded.project;
}

/** A FIFO, which would be waited for by whoever opens it. */
export const makePipe = (path: string): void => void execFileSync('sh', ['-c', 'mkfifo "$0"', path]);
