/** Reads known_hosts files, and adds a newly trusted key to the user's own. */
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { throwIfExhausted } from './exhausted.ts';
import { hashName, isHashed, lookUp, matchesName, parseKnownHosts, type KnownHostsEntry, type Lookup } from './known-hosts.ts';
import { blobType } from './public-key.ts';
import { errorCode, errorText } from './to-failure.ts';

export interface KnownHostsRead {
  readonly lookup: Lookup;
  /** Files that exist and could not be read, with the reason. */
  readonly unreadable: readonly string[];
}

export async function readKnownHosts(files: readonly string[], name: string): Promise<KnownHostsRead> {
  const unreadable: string[] = [];
  const entries: KnownHostsEntry[] = [];
  for (const file of files) {
    try {
      entries.push(...parseKnownHosts(await readFile(file, 'utf8'), file));
    } catch (error) {
      throwIfExhausted(error, `read ${file}`);
      if (errorCode(error) !== 'ENOENT') unreadable.push(`${file}: ${errorText(error)}`);
    }
  }
  return { lookup: lookUp(entries, name), unreadable };
}

/**
 * Appends `name` with its key; nothing where it is there already. Creates the file 0600 and its directory 0700. One write of one
 * line in append mode: writers at the same time each get their whole line. Rejects with the file system's error.
 */
export async function appendKnownHost(file: string, name: string, key: Buffer): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(file, 'a+', 0o600);
  try {
    const text = await handle.readFile('utf8');
    const entries = parseKnownHosts(text, file);
    if (entries.some((entry) => entry.marker === null && entry.blob.equals(key) && matchesName(entry.names, name))) return;
    const names = entries.length > 0 && entries.every((entry) => isHashed(entry.names)) ? hashName(name) : name;
    const separator = text === '' || text.endsWith('\n') ? '' : '\n';
    await handle.appendFile(`${separator}${names} ${blobType(key) ?? 'unknown'} ${key.toString('base64')}\n`);
  } finally {
    await handle.close();
  }
}
