/** Paths as the file writes them: from the home directory (~/), or relative to the project directory. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

export interface Directories {
  readonly project: string;
  readonly home: string;
}

export const homeOf = (env: Readonly<Record<string, string | undefined>>): string => env['HOME'] || homedir();

export function expandPath(path: string, { project, home }: Directories): string {
  if (path === '~') return home;
  if (path.startsWith('~/')) return join(home, path.slice(2));
  return isAbsolute(path) ? path : join(project, path);
}
