import { expect, test } from 'vitest';
import { describeSurroundings, misgiving, type Surroundings } from '../../bench/surroundings.ts';

const on = (congestion?: string | null): Surroundings => ({
  commit: '0123456789abcdef0123456789abcdef01234567',
  changed: false,
  versions: {
    tunnels: '0.1.0',
    node: '20.0.0',
    ssh2: '1.0.0',
    ssh: 'OpenSSH_9.2p1',
    sshd: '9.2',
    autossh: null,
    kernel: 'Linux 6',
    ...(congestion === undefined ? {} : { congestion }),
  },
  cpu: 'A',
  cpuCount: 2,
  memoryBytes: 1,
  loadBefore: [0, 0, 0],
});

test.each([
  ['cubic', 'Linux 6 with cubic, 2'],
  [null, 'Linux 6, 2'],
  [undefined, 'Linux 6, 2'],
])('the head of the table says how TCP finds out what a line carries: %s', (congestion, words) => {
  expect(describeSurroundings(on(congestion))).toContain(words);
});

test.each([
  ['bbr', true],
  ['bbr2', true],
  ['cubic', false],
  [null, false],
  [undefined, false],
])('with %s a warning goes before: %s', (congestion, warns) => {
  expect(misgiving(on(congestion)) !== null).toBe(warns);
});
