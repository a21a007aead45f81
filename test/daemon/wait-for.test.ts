import { expect, test } from 'vitest';
import type { HostView, TunnelView } from '../../src/core/snapshot.ts';
import { stoppedTunnels } from '../../src/daemon/wait-for.ts';

const tunnel = (name: string, state: TunnelView['state'], ...on: string[]) => ({ name, state, waiting_on: on });
const host = (name: string, state: HostView['state'], ...on: string[]) => ({ name, state, waiting_on: on });

test('stopped are those that the user stopped, and who waits for one of them, however far away', () => {
  const hosts = [host('bastion', 'connected'), host('behind', 'waiting', 'tunnel way'), host('slow', 'waiting', 'tunnel late')];
  const tunnels = [
    tunnel('git', 'waiting', 'tunnel git-inner'),
    tunnel('git-inner', 'waiting', 'host behind'),
    tunnel('way', 'closed'),
    tunnel('late', 'reconnecting', 'host bastion'),
    tunnel('web', 'waiting', 'host slow'),
    tunnel('open', 'open'),
  ];
  expect([...stoppedTunnels({ tunnels, hosts })]).toEqual(['git', 'git-inner', 'way']);
  expect([...stoppedTunnels({ tunnels: tunnels.filter(({ name }) => name !== 'way'), hosts })]).toEqual([]);
});
