/** The host names that ~/.ssh/config speaks of, to be offered: names only. What it says of them, ssh is asked (ssh-config.ts). */
import { readdir } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { readText } from './text-file.ts';

/** ssh_config(5) Include: ssh itself gives up at 16. */
const MAX_DEPTH = 16;
const MAX_FILES = 100;
/** As the schema has it: others could not stand in a file. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.@:+[\]-]*$/;

/** In the order of the file, each once, without patterns (`*`, `?`, `!`). Empty where there is no such file, or it cannot be read. */
export async function sshConfigNames(home: string): Promise<readonly string[]> {
  const folder = join(home, '.ssh');
  const seen = new Set<string>();
  const names = new Set<string>();
  const read = async (path: string, depth: number): Promise<void> => {
    if (depth > MAX_DEPTH || seen.size >= MAX_FILES || seen.has(path)) return;
    seen.add(path);
    const text = await readText(path);
    if (!text.ok) return;
    for (const { keyword, words } of directives(text.value)) {
      if (keyword === 'host') for (const word of words) if (NAME.test(word)) names.add(word);
      if (keyword !== 'include') continue;
      for (const word of words) for (const file of await matching(inFolder(word, { home, folder }))) await read(file, depth + 1);
    }
  };
  await read(join(folder, 'config'), 0);
  return [...names];
}

/** ssh takes keywords in any case, with `=` or blanks after them, and words in double quotes. */
function directives(text: string): { readonly keyword: string; readonly words: readonly string[] }[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const [, keyword = '', rest = ''] = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*)$/.exec(line) ?? [];
    const words = (rest.match(/"[^"]*"|[^\s"]+/g) ?? []).map((word) => word.replaceAll('"', ''));
    const comment = words.findIndex((word) => word.startsWith('#'));
    return keyword === '' ? [] : [{ keyword: keyword.toLowerCase(), words: comment < 0 ? words : words.slice(0, comment) }];
  });
}

function inFolder(word: string, { home, folder }: { readonly home: string; readonly folder: string }): string {
  if (word.startsWith('~/')) return join(home, word.slice(2));
  return isAbsolute(word) ? word : join(folder, word);
}

/** glob(7) in the last part of the path, as `Include config.d/*` has it; sorted. */
async function matching(path: string): Promise<readonly string[]> {
  const pattern = basename(path);
  if (!/[*?]/.test(pattern)) return [path];
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const files = await readdir(dirname(path)).catch(() => []);
  return files
    .filter((file) => !file.startsWith('.') && new RegExp(`^${source}$`).test(file))
    .sort()
    .map((file) => join(dirname(path), file));
}
