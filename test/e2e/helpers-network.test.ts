import { existsSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { liveNamespaces, type Network, netnsAvailable, startNetwork } from '../helpers/netns.ts';
import { startSshd } from '../helpers/sshd.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const CONNECT = `
  const socket = require('node:net').connect({ host: process.argv[1], port: Number(process.argv[2]) });
  socket.setTimeout(700, () => socket.destroy(new Error('timeout')));
  socket.once('data', (data) => { console.log(String(data).slice(0, 8)); socket.destroy(); });
  socket.once('error', (error) => { console.log(error.code ?? error.message); });
`;

const reach = async (network: Network, from: string, host: string): Promise<string> =>
  (await network.run(from, process.execPath, ['-e', CONNECT, host, '22'])).stdout.trim();

describe.runIf(netnsAvailable())('network namespaces', () => {
  test('join neighbours only, know their names, and lose and find each other with the link', async () => {
    const network = await startNetwork({
      hosts: ['you', 'bastion', 'inner'],
      links: [
        ['you', 'bastion'],
        ['bastion', 'inner'],
      ],
    });
    stops.push(network.stop);
    const inner = network.addressOf('inner', 'bastion');
    const sshd = await startSshd({ listen: inner, port: 22, within: network.on('inner') });
    stops.push(sshd.stop);
    expect(sshd.connections().accepted).toBe(0);

    expect(await reach(network, 'bastion', 'inner')).toBe('SSH-2.0-');
    expect(await reach(network, 'you', inner)).toBe('ENETUNREACH');
    expect(sshd.connections().accepted).toBe(1);

    await network.setLink('bastion', 'inner', 'down');
    expect(await reach(network, 'bastion', inner)).not.toBe('SSH-2.0-');
    await network.setLink('bastion', 'inner', 'up');
    expect(await reach(network, 'bastion', inner)).toBe('SSH-2.0-');

    expect(await network.readdress('bastion', 'inner')).not.toBe(inner);
    expect(await reach(network, 'bastion', inner)).toBe('SSH-2.0-');
  });

  test('mean by a name what the test says, on that host alone', async () => {
    const network = await startNetwork({
      hosts: ['you', 'gateway'],
      links: [['you', 'gateway']],
      names: { you: { 'home-server': '127.0.0.9' } },
    });
    stops.push(network.stop);
    expect((await network.run('you', 'getent', ['hosts', 'home-server'])).stdout).toContain('127.0.0.9');
    expect((await network.run('gateway', 'getent', ['hosts', 'home-server'])).code).not.toBe(0);
  });

  test('are gone once stopped, with what ran in them', async () => {
    const network = await startNetwork({ hosts: ['alone'], links: [] });
    const sleeper = network.run('alone', 'sleep', ['60']);
    await network.run('alone', 'true', []);
    const names = liveNamespaces();
    expect(names).toHaveLength(1);
    await network.stop();
    expect((await sleeper).signal).toBe('SIGKILL');
    expect(liveNamespaces()).toEqual([]);
    expect(existsSync(`/etc/netns/${names[0]}`)).toBe(false);
  });
});
