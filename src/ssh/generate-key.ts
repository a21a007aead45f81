/** New Ed25519 keys, for the embedded servers and those who log in there. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
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

export function generateKey(): GeneratedKey {
  // As bytes, not as the key object itself: node 20 waits for ever where a garbage collection ends the making of a key that is being exported.
  const { privateKey } = generateKeyPairSync('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return describeKey(openSshEd25519(createPrivateKey({ key: privateKey, type: 'pkcs8', format: 'der' })));
}

export function describeKey(privateKey: string): GeneratedKey {
  const key = parsePrivateKey(privateKey);
  const blob = key.getPublicSSH();
  return { privateKey, publicKey: `${key.type} ${blob.toString('base64')}`, fingerprint: fingerprint(blob) };
}
