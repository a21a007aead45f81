/**
 * Compiled code that is kept from one start to the next: what node compiles is a quarter of what a command takes.
 * From node 22.1 on (module.enableCompileCache); an older one compiles each time.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import nodeModule from 'node:module';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { objectionTo, WRITABLE_BY_OTHERS } from '../core/ownership.ts';

export interface CompiledCode {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home?: string;
  readonly uid?: number;
  /** Default: node's own; null where it has none. */
  readonly enable?: ((directory: string) => unknown) | null;
}

const ofNode = (nodeModule as { readonly enableCompileCache?: (directory: string) => unknown }).enableCompileCache ?? null;

/** Keeps it in $XDG_CACHE_HOME/tunnels, else in ~/.cache/tunnels. Never fails: without it a start only takes longer. */
export function keepCompiledCode(options: CompiledCode): void {
  const { version, env, home = homedir(), uid = process.geteuid?.() ?? 0, enable = ofNode } = options;
  // Whoever has set the first has chosen a place, and node has it already.
  if (!enable || env['NODE_COMPILE_CACHE'] || env['NODE_DISABLE_COMPILE_CACHE']) return;
  try {
    const xdg = env['XDG_CACHE_HOME'];
    // The XDG specification: a relative path is to be ignored.
    const base = xdg && isAbsolute(xdg) ? xdg : home;
    // What is in it is run. Under `sudo` with the HOME of the user, root would run what the user could have written, and leave files there.
    if (statSync(base).uid !== uid) return;
    const directory = join(base === xdg ? base : join(base, '.cache'), 'tunnels', 'compiled', version);
    if (mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined) removeOthers(directory, version);
    if (isOwn(directory, uid) && isOwn(dirname(directory), uid)) enable(directory);
  } catch {
    // No home, no room, no right to write there.
  }
}

function isOwn(directory: string, uid: number): boolean {
  const stat = lstatSync(directory);
  const is = stat.isSymbolicLink() ? 'link' : stat.isDirectory() ? 'directory' : 'other';
  return objectionTo({ is, uid: stat.uid, mode: stat.mode }, { is: 'directory', uid, bits: WRITABLE_BY_OTHERS }) === null;
}

/** Of other versions: nobody will read it again, or else it is made again. */
function removeOthers(directory: string, version: string): void {
  const all = dirname(directory);
  for (const other of readdirSync(all)) if (other !== version) rmSync(join(all, other), { recursive: true, force: true });
}
