import { describe, expect, test } from 'vitest';
import type { HostKeyPolicy } from '../../src/core/spec.ts';
import { generateKey } from '../../src/ssh/generate-key.ts';
import { judgeHostKey, knownTypes, type HostKeyVerdict } from '../../src/ssh/host-key.ts';
import { lookUp, parseKnownHosts } from '../../src/ssh/known-hosts.ts';
import { parsePublicLine } from '../../src/ssh/public-key.ts';

const shown = generateKey();
const other = generateKey();
const rsa = 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQC7';
const key = parsePublicLine(shown.publicKey)?.blob ?? Buffer.alloc(0);

interface Case {
  readonly name: string;
  readonly pins?: readonly string[];
  readonly lines?: readonly string[];
  readonly policy?: HostKeyPolicy;
  readonly host?: string;
  readonly expected: HostKeyVerdict;
}

const cases: Case[] = [
  { name: 'pinned', pins: [shown.fingerprint], expected: { verdict: 'trusted', by: 'host_key' } },
  { name: 'one of the pinned', pins: [other.fingerprint, shown.fingerprint], expected: { verdict: 'trusted', by: 'host_key' } },
  { name: 'pinned with padding', pins: [`${shown.fingerprint}=`], expected: { verdict: 'trusted', by: 'host_key' } },
  { name: 'another is pinned', pins: [other.fingerprint], expected: { verdict: 'changed', expected: other.fingerprint, at: null } },
  {
    name: 'pins decide alone: known_hosts does not help',
    pins: [other.fingerprint],
    lines: [`a ${shown.publicKey}`],
    policy: 'ignore',
    expected: { verdict: 'changed', expected: other.fingerprint, at: null },
  },
  {
    name: 'pins decide alone: known_hosts does not harm',
    pins: [shown.fingerprint],
    lines: [`a ${other.publicKey}`],
    expected: { verdict: 'trusted', by: 'host_key' },
  },
  { name: 'known', lines: [`a ${shown.publicKey}`], expected: { verdict: 'trusted', by: 'kh:1' } },
  { name: 'known beside another', lines: [`a ${other.publicKey}`, `a ${shown.publicKey}`], expected: { verdict: 'trusted', by: 'kh:2' } },
  { name: 'changed', lines: [`# x`, `a ${other.publicKey}`], expected: { verdict: 'changed', expected: other.fingerprint, at: 'kh:2' } },
  {
    name: 'changed, accept-new',
    lines: [`a ${other.publicKey}`],
    policy: 'accept-new',
    expected: { verdict: 'changed', expected: other.fingerprint, at: 'kh:1' },
  },
  { name: 'changed, ignore', lines: [`a ${other.publicKey}`], policy: 'ignore', expected: { verdict: 'ignored', instead: 'kh:1' } },
  { name: 'revoked', lines: [`@revoked * ${shown.publicKey}`], expected: { verdict: 'revoked', at: 'kh:1' } },
  {
    name: 'revoked though known',
    lines: [`a ${shown.publicKey}`, `@revoked a ${shown.publicKey}`],
    expected: { verdict: 'revoked', at: 'kh:2' },
  },
  { name: 'revoked, ignore', lines: [`@revoked a ${shown.publicKey}`], policy: 'ignore', expected: { verdict: 'revoked', at: 'kh:1' } },
  { name: 'another key is revoked', lines: [`@revoked a ${other.publicKey}`], expected: { verdict: 'unknown' } },
  { name: 'revoked for another host', lines: [`@revoked b ${shown.publicKey}`], expected: { verdict: 'unknown' } },
  { name: 'the key of an authority is not a host key', lines: [`@cert-authority a ${shown.publicKey}`], expected: { verdict: 'unknown' } },
  { name: 'unknown, strict', expected: { verdict: 'unknown' } },
  { name: 'unknown, ask', policy: 'ask', expected: { verdict: 'ask' } },
  { name: 'unknown, accept-new', policy: 'accept-new', expected: { verdict: 'accept-new' } },
  { name: 'unknown, ignore', policy: 'ignore', expected: { verdict: 'ignored', instead: null } },
  { name: 'known by its bare name', host: '[a]:2222', lines: [`a ${shown.publicKey}`], expected: { verdict: 'trusted', by: 'kh:1' } },
  {
    name: 'another key under the bare name',
    host: '[a]:2222',
    lines: [`a ${other.publicKey}`],
    policy: 'ask',
    expected: { verdict: 'ask' },
  },
  {
    name: 'revoked under the bare name',
    host: '[a]:2222',
    lines: [`@revoked a ${shown.publicKey}`],
    expected: { verdict: 'revoked', at: 'kh:1' },
  },
];

describe('the verdict', () => {
  test.each(cases)('$name', ({ pins = [], lines = [], policy = 'strict', host = 'a', expected }) => {
    const lookup = lookUp(parseKnownHosts(lines.join('\n'), 'kh'), host);
    expect(judgeHostKey({ key, pins, lookup, policy })).toEqual(expected);
  });
});

test('the types to ask for first are those the host is known by', () => {
  const lookup = lookUp(parseKnownHosts([`a ${rsa}`, `a ${shown.publicKey}`, `@revoked a ${other.publicKey}`].join('\n'), 'kh'), 'a');
  expect(knownTypes(lookup, [])).toContain('ssh-ed25519');
  expect(knownTypes(lookup, [shown.fingerprint])).toEqual(['ssh-ed25519']);
  expect(knownTypes(lookup, [other.fingerprint])).toEqual([]);
});
