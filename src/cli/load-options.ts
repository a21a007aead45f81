/** From the flags to what the configuration is loaded with. */
import type { Readable } from 'node:stream';
import { delimiter } from 'node:path';
import type { LoadOptions } from '../config/loaded.ts';
import type { LoadChange } from '../runner/selection.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { UsageError } from './usage-error.ts';

/** A tunnels.yaml is some kilobytes: what is larger is not one. */
const MAX_STDIN = 4 * 1024 * 1024;

export async function loadOptions(io: Io, globals: GlobalOptions, names: readonly string[] = []): Promise<LoadOptions> {
  return {
    cwd: io.cwd,
    files: globals.files,
    profiles: globals.profiles,
    envFiles: globals.envFiles,
    env: io.env,
    ...(globals.projectName === null ? {} : { projectName: globals.projectName }),
    ...(names.length === 0 ? {} : { names }),
    ...(globals.files.includes('-') ? { stdin: await readAll(io.stdin) } : {}),
  };
}

/** For the process in the background, whose environment is another one: what TUNNELS_FILE and TUNNELS_PROFILES say is written out. */
export async function loadElsewhere(io: Io, globals: GlobalOptions): Promise<LoadChange> {
  const { env, ...load } = await loadOptions(io, globals);
  const listed = (text: string | undefined, separator: string): string[] => (text ?? '').split(separator).map((each) => each.trim());
  return {
    ...load,
    files: load.files.length > 0 ? load.files : listed(env['TUNNELS_FILE'], delimiter).filter(Boolean),
    profiles: load.profiles.length > 0 ? load.profiles : listed(env['TUNNELS_PROFILES'], ',').filter(Boolean),
  };
}

async function readAll(stdin: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Uint8Array | string);
    size += bytes.length;
    if (size > MAX_STDIN) throw new UsageError('the configuration on stdin is larger than 4 MiB');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
