/** Reads known_hosts files, and adds a newly trusted key to the user's own. */
import { constants } from 'node:fs';
import { mkdir, open, realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { throwIfExhausted } from './exhausted.ts';
import { hashName, isHashed, lookUp, matchesName, parseKnownHosts, type KnownHostsEntry, type Lookup } from './known-hosts.ts';
import { blobType } from './public-key.ts';
import { checkRegular, readRegular } from './regular-file.ts';
import { errorCode, errorText } from './to-failure.ts';

const MAX_BYTES = 8 * 1024 * 1024;

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
      entries.push(...parseKnownHosts((await readRegular(file, MAX_BYTES)).text, file));
    } catch (error) {
      throwIfExhausted(error, `read ${file}`);
      if (errorCode(error) !== 'ENOENT') unreadable.push(`${file}: ${errorText(error)}`);
    }
  }
  return { lookup: lookUp(entries, name), unreadable };
}

/** Names of hosts and addresses, `[name]:port` and aliases: nothing that reads as several names, or as another field. */
const HOST_LIKE = /^[\p{L}\p{N}_.:@+%[\]-]+$/u;
/** A first field that is options of authorized_keys (sshd(8)). */
const LOGIN_OPTION =
  /["=]|^(?:restrict|cert-authority|(?:no-)?(?:agent-forwarding|port-forwarding|pty|user-rc|x11-forwarding|touch-required)|verify-required)(?:,|$)/i;
const AUTHORIZED_KEYS = /^authorized_keys2?$/i;

/**
 * Appends `name` with its key. Creates the file 0600 and its directory 0700. One write of one line in append mode: writers at the same
 * time each get their whole line. A file that is for something else is left alone: the line could let the server's owner log in, were it
 * an authorized_keys. False where the key is there already. Rejects with an Error that says why it is not stored.
 */
export async function appendKnownHost(file: string, name: string, key: Buffer): Promise<boolean> {
  if (!HOST_LIKE.test(name) || LOGIN_OPTION.test(name)) throw new Error(`"${name}" is no host name`);
  await refuseAuthorizedKeys(file);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const { O_RDWR, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
  const handle = await open(file, O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o600);
  try {
    await checkRegular(handle, MAX_BYTES);
    // Again: a symbolic link to a file that was missing led nowhere before.
    await refuseAuthorizedKeys(file);
    const text = await handle.readFile('utf8');
    const entries = parseKnownHosts(text, file);
    const strange = strangeLine(text, entries);
    if (strange !== null) throw new Error(`its line ${strange} is no entry of a known_hosts`);
    if (entries.some((entry) => entry.marker === null && entry.blob.equals(key) && matchesName(entry.names, name))) return false;
    const names = entries.length > 0 && entries.every((entry) => isHashed(entry.names)) ? hashName(name) : name;
    const separator = text === '' || text.endsWith('\n') ? '' : '\n';
    await handle.appendFile(`${separator}${names} ${blobType(key) ?? 'unknown'} ${key.toString('base64')}\n`);
    return true;
  } finally {
    await handle.close();
  }
}

async function refuseAuthorizedKeys(file: string): Promise<void> {
  const real = await realpath(file).catch(() => file);
  if ([file, real].some((path) => AUTHORIZED_KEYS.test(basename(path)))) throw new Error('it is a list of keys that may log in');
}

/** The 1-based number of the first line that says something and is no entry. */
function strangeLine(text: string, entries: readonly KnownHostsEntry[]): number | null {
  const good = new Set(entries.filter(({ names }) => isHashed(names) || !LOGIN_OPTION.test(names)).map(({ line }) => line));
  const at = text.split('\n').findIndex((line, index) => !/^\s*(?:#|$)/.test(line) && !good.has(index + 1));
  return at < 0 ? null : at + 1;
}
