/**
 * An ssh_config that a project names is read by ssh, and reading one can run commands (`Match exec`), here or in a file it includes.
 * Nobody has agreed to those yet, so such a file is refused before ssh sees it.
 */
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok, type Result } from '../core/result.ts';
import { isInside } from './find.ts';
import { readText } from './text-file.ts';

export interface RefusedConfig {
  readonly code: 'file-missing' | 'unsupported';
  readonly message: string;
  readonly hint: string | null;
}

/** ssh takes keywords in any case, quoted, and with `=` after them. */
const keywordOf = (line: string): string => /^[\s"]*([A-Za-z]+)/.exec(line)?.[1]?.toLowerCase() ?? '';

/** The user's and the system's own folders; a relative name is in ~/.ssh too. */
const isOwn = (path: string): boolean =>
  !/(?:^|\/)\.\.(?:\/|$)/.test(path) && (/^(?:~\/\.ssh|\/etc\/ssh)\//.test(path) || !/^[~/]|[%$]/.test(path));

/** `path` is absolute, `shown` is how the file names it. */
export async function checkConfigFile(
  path: string,
  { shown, home }: { readonly shown: string; readonly home: string },
): Promise<Result<true, RefusedConfig>> {
  const text = await readText(path);
  if (!text.ok) return err({ code: 'file-missing', message: `${shown} ${text.error.why}`, hint: null });
  const real = await realpath(path).catch(() => path);
  // The user's own, and the system's: ssh reads them anyway.
  if ([join(home, '.ssh'), '/etc/ssh'].some((folder) => isInside(folder, real))) return ok(true);
  for (const [index, line] of text.value.split(/\r?\n/).entries()) {
    const keyword = keywordOf(line);
    const refused = (what: string, hint: string): Result<true, RefusedConfig> =>
      err({ code: 'unsupported', message: `${shown} is refused: its line ${index + 1} ${what}`, hint });
    if (keyword === 'match' && /exec/i.test(line))
      return refused('runs a command (Match exec)', 'put that into ~/.ssh/config, and leave ssh_config out');
    const words = (line.replace(/^[\s"]*[A-Za-z]+["\s=]*/, '').match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
    if (keyword === 'include' && !words.every(isOwn))
      return refused('includes a file from elsewhere', 'include files of ~/.ssh only, or write them into this one');
  }
  return ok(true);
}
