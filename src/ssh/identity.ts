/** Identity files (ssh_config(5) IdentityFile): what each holds, and its key once it is needed. */
import type { ParsedKey } from 'ssh2';
import { throwIfExhausted } from './exhausted.ts';
import { decryptPrivateKey, parsePrivateKey } from './private-key.ts';
import { blobType, parsePublicLine, type PublicKey } from './public-key.ts';
import { readRegular } from './regular-file.ts';
import { errorCode, errorText } from './to-failure.ts';

const MAX_BYTES = 1024 * 1024;

export interface Identity {
  readonly path: string;
  /** Null for an encrypted file that does not show its public half and has no `.pub` beside it. */
  readonly publicKey: PublicKey | null;
  readonly encrypted: boolean;
  /** The private file's text; null for a public key, which only picks a key of the agent. */
  readonly text: string | null;
  readonly mtimeMs: number;
}

export type IdentityRead =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly missing: boolean; readonly problem: string; readonly hint: string | null };

export async function readIdentity(path: string): Promise<IdentityRead> {
  try {
    const { text, stats } = await readRegular(path, MAX_BYTES);
    const { mode, mtimeMs, uid } = stats;
    const shown = parsePublicLine(text);
    if (shown) return { ok: true, identity: { path, publicKey: shown, encrypted: false, text: null, mtimeMs } };
    // First what it is: a file that is no key at all is not to be closed to others for that.
    const inspected = inspect(text);
    if (!inspected) return unreadable(`${path} is no private key`, 'OpenSSH, PEM and PKCS#8 keys can be read; check identity_file');
    // As ssh: a private key others can read is not used. Another owner's (a mounted secret, root's) is not ours to judge.
    if ((mode & 0o077) !== 0 && uid === process.getuid?.())
      return unreadable(`the permissions ${(mode & 0o777).toString(8).padStart(4, '0')} of ${path} are too open`, `chmod 600 ${path}`);
    const publicKey = inspected.publicKey ?? (await readPublicHalf(path));
    return { ok: true, identity: { path, publicKey, encrypted: inspected.encrypted, text, mtimeMs } };
  } catch (error) {
    throwIfExhausted(error, `read the key file ${path}`);
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR')
      return { ok: false, missing: true, problem: `the key file ${path} does not exist`, hint: 'check identity_file' };
    if (code === 'EACCES')
      return unreadable(`the key file ${path} may not be read`, `check identity_file, and who may read that file: ls -l ${path}`);
    return unreadable(`cannot read the key file ${path}: ${errorText(error)}`, null);
  }
}

const unreadable = (problem: string, hint: string | null): IdentityRead => ({ ok: false, missing: false, problem, hint });

interface Inspected {
  readonly encrypted: boolean;
  readonly publicKey: PublicKey | null;
}

function inspect(text: string): Inspected | null {
  const openSsh = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(text);
  if (openSsh) return inspectOpenSsh(Buffer.from(openSsh[1] ?? '', 'base64'));
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----/.test(text) || /^Proc-Type: 4,ENCRYPTED/m.test(text))
    return { encrypted: true, publicKey: null };
  if (text.startsWith('PuTTY-User-Key-File-')) return { encrypted: !/^Encryption: none/m.test(text), publicKey: null };
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(text)) return null;
  return { encrypted: false, publicKey: publicHalf(parsePrivateKey(text)) };
}

/** PROTOCOL.key: the public half stands in the clear before the encrypted part. */
function inspectOpenSsh(bytes: Buffer): Inspected | null {
  const magic = 'openssh-key-v1\0';
  if (bytes.toString('latin1', 0, magic.length) !== magic) return null;
  let at = magic.length;
  const next = (): Buffer => {
    const length = at + 4 <= bytes.length ? bytes.readUInt32BE(at) : Number.POSITIVE_INFINITY;
    if (at + 4 + length > bytes.length) throw new Error('the file is cut off');
    at += 4 + length;
    return bytes.subarray(at - length, at);
  };
  const cipher = next().toString('latin1');
  next();
  next();
  at += 4;
  const blob = Buffer.from(next());
  const type = blobType(blob);
  return { encrypted: cipher !== 'none', publicKey: type === null ? null : { type, blob, comment: '' } };
}

async function readPublicHalf(path: string): Promise<PublicKey | null> {
  try {
    return parsePublicLine((await readRegular(`${path}.pub`, MAX_BYTES)).text);
  } catch {
    return null;
  }
}

export const publicHalf = (key: ParsedKey): PublicKey => ({ type: key.type, blob: key.getPublicSSH(), comment: key.comment });

/** Decrypted keys, for reconnects: kept in memory only, and only as long as the file is not written anew. */
const decrypted = new Map<string, { readonly mtimeMs: number; readonly key: ParsedKey }>();

export function rememberedKey({ path, mtimeMs }: Identity): ParsedKey | null {
  const kept = decrypted.get(path);
  return kept?.mtimeMs === mtimeMs ? kept.key : null;
}

/** Rejects with WrongPassphrase, or an Error that says what is wrong with the file. */
export async function unlock(identity: Identity, passphrase: string | null): Promise<ParsedKey> {
  const text = identity.text ?? '';
  if (passphrase === null) return parsePrivateKey(text);
  const key = await decryptPrivateKey(text, passphrase);
  decrypted.set(identity.path, { mtimeMs: identity.mtimeMs, key });
  return key;
}
