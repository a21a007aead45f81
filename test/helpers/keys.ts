/** SSH key pairs made by the real ssh-keygen, once a run. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './child.ts';
import { runSubdirectory } from './scratch.ts';

export type KeyType = 'ed25519' | 'rsa' | 'ecdsa';

export interface KeyPair {
  readonly type: KeyType;
  /** Mode 0600, as ssh wants it. */
  readonly privateKeyFile: string;
  readonly publicKeyFile: string;
  /** `ssh-ed25519 AAAA…`, without a comment. */
  readonly publicKey: string;
  /** `SHA256:…` without padding, as ssh-keygen -l prints it. */
  readonly fingerprint: string;
  readonly passphrase: string | null;
}

export interface KeyOptions {
  readonly type?: KeyType;
  /** Pairs of different names are different keys; default `user`. */
  readonly name?: string;
  /** `pem` is PKCS#1 or SEC1, which ssh-keygen writes for rsa and ecdsa only, like `pkcs8`. */
  readonly format?: 'openssh' | 'pem' | 'pkcs8';
  readonly passphrase?: string;
}

const BITS = { ed25519: [], rsa: ['-b', '2048'], ecdsa: ['-b', '256'] } as const satisfies Record<KeyType, readonly string[]>;
const FORMATS = { openssh: [], pem: ['-m', 'PEM'], pkcs8: ['-m', 'PKCS8'] } as const;

/** The fingerprint of a public key line. */
export const fingerprintOf = (publicKey: string): string => {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
};

/** The same options give the same pair, in every test process of the run. */
export async function keyPair(options: KeyOptions = {}): Promise<KeyPair> {
  const { type = 'ed25519', name = 'user', format = 'openssh', passphrase } = options;
  if (type === 'ed25519' && format !== 'openssh') throw new Error(`ssh-keygen writes ed25519 keys in its own format only, not ${format}`);
  const secret = passphrase === undefined ? '' : `-${createHash('sha256').update(passphrase).digest('hex').slice(0, 8)}`;
  const dir = join(runSubdirectory('keys'), `${name}-${type}-${format}${secret}`);
  if (!existsSync(dir)) await generate({ dir, type, format, passphrase: passphrase ?? '' });
  const privateKeyFile = join(dir, 'key');
  const [algorithm = '', blob = ''] = readFileSync(`${privateKeyFile}.pub`, 'utf8').split(' ');
  const publicKey = `${algorithm} ${blob.trim()}`;
  return {
    type,
    privateKeyFile,
    publicKeyFile: `${privateKeyFile}.pub`,
    publicKey,
    fingerprint: fingerprintOf(publicKey),
    passphrase: passphrase ?? null,
  };
}

interface Generate {
  readonly dir: string;
  readonly type: KeyType;
  readonly format: keyof typeof FORMATS;
  readonly passphrase: string;
}

async function generate({ dir, type, format, passphrase }: Generate): Promise<void> {
  const made = mkdtempSync(`${dir}.`);
  // The passphrase of a throwaway key may stand in argv: ssh-keygen takes it from nowhere else without a terminal.
  await check('ssh-keygen', ['-q', '-t', type, ...BITS[type], ...FORMATS[format], '-N', passphrase, '-C', '', '-f', join(made, 'key')]);
  try {
    renameSync(made, dir);
  } catch (error) {
    // Another test process was first; its pair is the one that counts.
    rmSync(made, { recursive: true, force: true });
    if (!existsSync(dir)) throw error;
  }
}
