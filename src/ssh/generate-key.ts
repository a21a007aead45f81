/** New Ed25519 keys, for the embedded servers and those who log in there. */
import { generateKeyPairSync } from 'node:crypto';
import { openSshEd25519, parsePrivateKey } from './private-key.ts';
import { fingerprint } from './public-key.ts';

export interface GeneratedKey {
  /** OpenSSH's own format, unencrypted: a file of it must be 0600. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…`: a line of authorized_keys, and the end of one of known_hosts. */
  readonly publicKey: string;
  /** `SHA256:…`. */
  readonly fingerprint: string;
}

export const generateKey = (): GeneratedKey => describeKey(openSshEd25519(generateKeyPairSync('ed25519').privateKey));

export function describeKey(privateKey: string): GeneratedKey {
  const key = parsePrivateKey(privateKey);
  const blob = key.getPublicSSH();
  return { privateKey, publicKey: `${key.type} ${blob.toString('base64')}`, fingerprint: fingerprint(blob) };
}
