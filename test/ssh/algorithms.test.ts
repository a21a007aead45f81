import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { chooseAlgorithms, hostKeyOrder } from '../../src/ssh/algorithms.ts';

const nothing = { known: [], without: [] };
const host = { ciphers: [], kex: [], macs: [], compression: false };

test('everything offered by default, and on request, is something ssh2 has', () => {
  const ssh2 = createRequire(import.meta.url)('ssh2/lib/protocol/constants.js') as Record<string, string[]>;
  const { algorithms } = chooseAlgorithms(host, nothing);
  const old = chooseAlgorithms(
    {
      ...host,
      ciphers: ['aes256-cbc', 'aes192-cbc', 'aes128-cbc', '3des-cbc'],
      kex: ['diffie-hellman-group1-sha1'],
      macs: ['hmac-sha1-96'],
    },
    nothing,
  );
  for (const chosen of [algorithms, old.algorithms]) {
    expect(ssh2['SUPPORTED_CIPHER']).toEqual(expect.arrayContaining(chosen.cipher as string[]));
    expect(ssh2['SUPPORTED_KEX']).toEqual(expect.arrayContaining(chosen.kex as string[]));
    expect(ssh2['SUPPORTED_MAC']).toEqual(expect.arrayContaining(chosen.hmac as string[]));
    expect(ssh2['SUPPORTED_SERVER_HOST_KEY']).toEqual(expect.arrayContaining(chosen.serverHostKey as string[]));
  }
});

test('the order does not depend on the native addon: aes-gcm first', () => {
  expect((chooseAlgorithms(host, nothing).algorithms.cipher as string[])[0]).toBe('aes128-gcm@openssh.com');
});

test('names asked for keep their order; unknown ones are told, and lists that come out empty', () => {
  const choice = chooseAlgorithms(
    { ...host, ciphers: ['aes256-ctr', 'rot13', 'aes128-ctr'], kex: ['sntrup761x25519-sha512@openssh.com'] },
    nothing,
  );
  expect(choice.algorithms.cipher).toEqual(['aes256-ctr', 'aes128-ctr']);
  expect(choice.unsupported).toEqual(['rot13', 'sntrup761x25519-sha512@openssh.com']);
  expect(choice.empty).toEqual(['kex']);
});

test.each([
  [['ssh-rsa'], [], ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa', 'ssh-ed25519']],
  [['ecdsa-sha2-nistp384'], [], ['ecdsa-sha2-nistp384', 'ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp521']],
  [[], ['ssh-ed25519'], ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'rsa-sha2-512']],
])('known by %j, without %j: host keys in the order %j', (known, without, order) => {
  expect(hostKeyOrder({ known, without }).slice(0, 4)).toEqual(order);
});
