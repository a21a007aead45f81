import { describe, expect, test } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { findLanding, type Echo } from '../../src/forward/landing.ts';

/** The answers of addresses tried from the host and from here; what is not named is refused. */
interface Answers {
  readonly host?: Readonly<Record<string, Echo>>;
  readonly here?: Readonly<Record<string, Echo>>;
  readonly own?: string;
  readonly otherwise?: Echo;
}

const find = (asked: string, { host = {}, here = {}, own, otherwise = 'refused' }: Answers) =>
  findLanding(tcp(asked, 8080), {
    hostAddress: own ?? null,
    fromHost: async (at) => host[at] ?? otherwise,
    fromHere: async (at) => here[at] ?? 'unreachable',
  });

describe('where a remote listener landed', () => {
  test.each<[what: string, asked: string, answers: Answers, kind: string, on: string]>([
    ['loopback as asked', 'localhost', { host: { '127.0.0.1': 'ours' } }, 'loopback', '127.0.0.1'],
    ['everywhere instead', 'localhost', { host: { '127.0.0.1': 'ours', '127.0.0.2': 'ours' } }, 'everywhere', '0.0.0.0'],
    ['only IPv6 loopback', 'localhost', { host: { '::1': 'ours' } }, 'loopback', '::1'],
    ['the IPv4 half is somebody else’s', 'localhost', { host: { '127.0.0.1': 'other', '::1': 'ours' } }, 'shadowed', '::1'],
    ['127.0.0.2 asked for', '127.0.0.2', { host: { '127.0.0.2': 'ours' } }, 'loopback', '127.0.0.2'],
    [
      '127.0.0.2 asked for, everywhere instead',
      '127.0.0.2',
      { host: { '127.0.0.2': 'ours', '127.0.0.3': 'ours' } },
      'everywhere',
      '0.0.0.0',
    ],
    [
      'no 127.0.0.2 there, its own address tells',
      'localhost',
      { host: { '127.0.0.1': 'ours', '127.0.0.2': 'unreachable', '198.51.100.9': 'ours' }, own: '198.51.100.9' },
      'everywhere',
      '0.0.0.0',
    ],
    ['not allowed to try', 'localhost', { otherwise: 'forbidden' }, 'unverified', '127.0.0.1'],
    [
      'not allowed to try, but open to us',
      'localhost',
      { otherwise: 'forbidden', own: '198.51.100.9', here: { '198.51.100.9': 'ours' } },
      'everywhere',
      '0.0.0.0',
    ],
    [
      'a server on loopback says nothing about others',
      'localhost',
      { otherwise: 'forbidden', own: '127.0.0.1', here: { '127.0.0.1': 'ours' } },
      'unverified',
      '127.0.0.1',
    ],
    ['nothing comes back', 'localhost', {}, 'unverified', '127.0.0.1'],
    ['all interfaces as asked', '*', { host: { '127.0.0.2': 'ours' } }, 'everywhere', '0.0.0.0'],
    [
      'all interfaces, seen at its own address',
      '*',
      { host: { '127.0.0.2': 'unreachable', '198.51.100.9': 'ours' }, own: '198.51.100.9' },
      'everywhere',
      '0.0.0.0',
    ],
    ['loopback instead', '*', { host: { '127.0.0.1': 'ours' } }, 'loopback', '127.0.0.1'],
    ['IPv6 loopback instead', '*', { host: { '::1': 'ours' } }, 'loopback', '::1'],
    [
      'loopback answers, and nothing can tell more',
      '*',
      { host: { '127.0.0.1': 'ours', '127.0.0.2': 'unreachable' } },
      'unverified',
      '0.0.0.0',
    ],
    [
      'all interfaces, not allowed to try, reached from here',
      '*',
      { otherwise: 'forbidden', own: '198.51.100.9', here: { '198.51.100.9': 'ours' } },
      'everywhere',
      '0.0.0.0',
    ],
    ['all interfaces, not allowed to try, not reached', '*', { otherwise: 'forbidden', own: '198.51.100.9' }, 'unverified', '0.0.0.0'],
    ['an address as asked', '198.51.100.9', { host: { '198.51.100.9': 'ours' } }, 'as-asked', '198.51.100.9'],
    ['an address asked for, loopback instead', '198.51.100.9', { host: { '127.0.0.1': 'ours' } }, 'loopback', '127.0.0.1'],
    [
      'an address asked for, everywhere instead',
      '198.51.100.9',
      { host: { '198.51.100.9': 'ours', '127.0.0.2': 'ours' } },
      'everywhere',
      '0.0.0.0',
    ],
    [
      'an address, not allowed to try, reached from here',
      '198.51.100.9',
      { otherwise: 'forbidden', here: { '198.51.100.9': 'ours' } },
      'as-asked',
      '198.51.100.9',
    ],
    ['an address, nothing comes back', '198.51.100.9', {}, 'unverified', '198.51.100.9'],
  ])('%s', async (_what, asked, answers, kind, on) => {
    expect(await find(asked, answers)).toMatchObject({ kind, on });
  });
});
