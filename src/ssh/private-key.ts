/** Private keys of every form ssh-keygen and openssl write, as ssh2 can use them; encrypted ones are decrypted off the main thread. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import ssh2, { type ParsedKey } from 'ssh2';

export class WrongPassphrase extends Error {}

/** ssh2 reads OpenSSH, PKCS#1, SEC1 and PuTTY; PKCS#8 is exported anew. Throws an Error that says what is wrong. */
export function parsePrivateKey(text: string): ParsedKey {
  const parsed = ssh2.utils.parseKey(/-----BEGIN PRIVATE KEY-----/.test(text) ? fromPkcs8(createPrivateKey(text)) : text);
  if (parsed instanceof Error) throw parsed;
  return parsed;
}

function fromPkcs8(key: KeyObject): string {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return key.export({ type: 'pkcs1', format: 'pem' }).toString();
    case 'ec':
      return key.export({ type: 'sec1', format: 'pem' }).toString();
    case 'ed25519':
      return openSshEd25519(key);
    default:
      throw new Error(`keys of type ${key.asymmetricKeyType ?? 'unknown'} are not supported`);
  }
}

/** PROTOCOL.key: the unencrypted container of one Ed25519 key, which is the only form ssh2 reads one from. */
export function openSshEd25519(key: KeyObject): string {
  const seed = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
  const point = Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url');
  const type = Buffer.from('ssh-ed25519');
  const check = Buffer.alloc(8);
  const secret = Buffer.concat([check, string(type), string(point), string(Buffer.concat([seed, point])), string(Buffer.alloc(0))]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const none = string(Buffer.from('none'));
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    none,
    none,
    string(Buffer.alloc(0)),
    uint32(1),
    string(Buffer.concat([string(type), string(point)])),
    string(Buffer.concat([secret, padding])),
  ]);
  const lines = body.toString('base64').match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const string = (bytes: Buffer): Buffer => Buffer.concat([uint32(bytes.length), bytes]);

// Plain JavaScript in a string: a worker's file would have to be found beside the bundle and beside the sources alike.
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const { createPrivateKey } = require('node:crypto');
const { text, passphrase, parser } = workerData;
try {
  let pem;
  if (/BEGIN ENCRYPTED PRIVATE KEY/.test(text)) {
    pem = createPrivateKey({ key: text, passphrase }).export({ type: 'pkcs8', format: 'pem' });
  } else {
    const key = require(parser).utils.parseKey(text, passphrase);
    if (key instanceof Error) throw key;
    pem = key.getPrivatePEM();
  }
  parentPort.postMessage({ pem });
} catch (error) {
  parentPort.postMessage({ error: String(error && error.message) });
}`;

const DECRYPT_TIMEOUT_MS = 60_000;

/** Decrypts in a worker: bcrypt takes 0.2 to 1.1 s, in which nothing else would move. Rejects with WrongPassphrase, or an Error. */
export async function decryptPrivateKey(text: string, passphrase: string): Promise<ParsedKey> {
  const parser = createRequire(import.meta.url).resolve('ssh2');
  const worker = new Worker(WORKER, { eval: true, workerData: { text, passphrase, parser }, execArgv: [], stdout: false, stderr: false });
  const timer = setTimeout(() => void worker.terminate(), DECRYPT_TIMEOUT_MS);
  try {
    const answer = await new Promise<{ pem?: string; error?: string }>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error(`decrypting took longer than ${DECRYPT_TIMEOUT_MS / 1000} s`)));
    });
    if (answer.pem === undefined) throw decryptionError(answer.error ?? 'no answer');
    return parsePrivateKey(answer.pem);
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

const decryptionError = (message: string): Error =>
  /unsupported|not supported|unknown cipher/i.test(message) && !/bad decrypt|passphrase/i.test(message)
    ? new Error(message)
    : new WrongPassphrase(message);
