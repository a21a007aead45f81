import { describe, expect, it } from 'vitest';
import { tcp, unix } from '../../src/core/address.ts';
import { buildGraph } from '../../src/core/graph.ts';
import { bringUpOrder, duplicateIngresses, findCycles } from '../../src/core/order.ts';
import type { HostSpec, TunnelSpec } from '../../src/core/spec.ts';
import { doubleTunnel, hostSpec, project, tunnelSpec } from '../helpers/spec.ts';

const edgesOf = (hosts: readonly HostSpec[], tunnels: readonly TunnelSpec[]): string[] =>
  buildGraph(project(hosts, tunnels)).edges.map(({ from, to, why }) => `${from} -${why}-> ${to}`);

const bastion = hostSpec('bastion');
const inner = hostSpec('inner', { via: ['bastion'] });

describe('the edges that are derived', () => {
  it.each<[string, readonly HostSpec[], readonly TunnelSpec[], readonly string[]]>([
    ['a tunnel needs its host', [bastion], [tunnelSpec('web')], ['tunnel:web -host-> host:bastion']],
    [
      'a host needs the one it goes via',
      [bastion, inner],
      [tunnelSpec('web', { hosts: ['inner'] })],
      ['host:inner -via-> host:bastion', 'tunnel:web -host-> host:inner'],
    ],
    [
      'a list of via is a chain, the first hop reached its own way',
      [bastion, hostSpec('b'), hostSpec('c', { via: ['bastion', 'b'] })],
      [tunnelSpec('web', { hosts: ['c'] })],
      ['host:b via bastion -via-> host:bastion', 'host:c -via-> host:b via bastion', 'tunnel:web -host-> host:c'],
    ],
    [
      'a relayed host without via is dialled through the client',
      [bastion, hostSpec('far')],
      [tunnelSpec('t', { client: 'bastion', hosts: ['far'] })],
      ['host:far via bastion -via-> host:bastion', 'tunnel:t -host-> host:far via bastion', 'tunnel:t -client-> host:bastion'],
    ],
    [
      'a relayed host with via goes its own way',
      [bastion, hostSpec('gate'), hostSpec('far', { via: ['gate'] })],
      [tunnelSpec('t', { client: 'bastion', hosts: ['far'] })],
      ['host:far -via-> host:gate', 'tunnel:t -host-> host:far', 'tunnel:t -client-> host:bastion'],
    ],
    [
      'a launched tunnel needs its client alone',
      [bastion, hostSpec('far')],
      [tunnelSpec('t', { client: 'bastion', hosts: ['far'], launch: 'ssh' })],
      ['tunnel:t -client-> host:bastion'],
    ],
    [
      'a host whose address is an ingress of this machine needs that tunnel',
      [bastion, hostSpec('behind', { hostname: '127.0.0.1', port: 2222 })],
      [tunnelSpec('door', { ingress: tcp('localhost', 2222) }), tunnelSpec('web', { hosts: ['behind'], ingress: tcp('localhost', 81) })],
      ['host:behind -address-> tunnel:door', 'tunnel:door -host-> host:bastion', 'tunnel:web -host-> host:behind'],
    ],
    [
      'of the tunnels with port 0 a host needs the one that it does not carry itself',
      [bastion, hostSpec('behind', { hostname: 'localhost', port: 0 }), hostSpec('last', { via: ['behind'] })],
      [
        tunnelSpec('door', { ingress: tcp('localhost', 0) }),
        tunnelSpec('web', { hosts: ['behind'], ingress: tcp('localhost', 0) }),
        tunnelSpec('far', { hosts: ['last'], ingress: tcp('localhost', 0) }),
      ],
      [
        'host:behind -address-> tunnel:door',
        'host:last -via-> host:behind',
        'tunnel:door -host-> host:bastion',
        'tunnel:web -host-> host:behind',
        'tunnel:far -host-> host:last',
      ],
    ],
    [
      'a host whose address is an exposed ingress of another machine needs that tunnel',
      [bastion, hostSpec('home', { hostname: 'bastion.example.com', port: 2222 })],
      [
        tunnelSpec('door', { type: 'remote', ingress: tcp('*', 2222), egress: tcp('localhost', 22), expose: true }),
        tunnelSpec('web', { hosts: ['home'], ingress: tcp('localhost', 81) }),
      ],
      ['host:home -address-> tunnel:door', 'tunnel:door -host-> host:bastion', 'tunnel:web -host-> host:home'],
    ],
    [
      'a unix socket is an ingress as well',
      [bastion],
      [
        tunnelSpec('a', { type: 'remote', ingress: unix('/run/a.sock'), egress: tcp('localhost', 1) }),
        tunnelSpec('b', { egress: unix('/run/a.sock') }),
      ],
      ['tunnel:a -host-> host:bastion', 'tunnel:b -host-> host:bastion', 'tunnel:b -egress-> tunnel:a'],
    ],
    [
      'the same port on another machine is not an ingress of this one',
      [bastion, hostSpec('other')],
      [
        tunnelSpec('a', { type: 'remote', ingress: tcp('localhost', 99) }),
        tunnelSpec('b', { hosts: ['other'], egress: tcp('localhost', 99) }),
      ],
      ['tunnel:a -host-> host:bastion', 'tunnel:b -host-> host:other'],
    ],
    [
      'port 0 meets port 0, and depends_on settles which',
      [bastion],
      [
        tunnelSpec('a', { type: 'remote', ingress: tcp('localhost', 0) }),
        tunnelSpec('b', { type: 'remote', ingress: tcp('localhost', 0) }),
        tunnelSpec('c', { egress: tcp('localhost', 0), ingress: tcp('localhost', 1), dependsOn: [{ tunnel: 'b', condition: 'open' }] }),
      ],
      ['tunnel:a -host-> host:bastion', 'tunnel:b -host-> host:bastion', 'tunnel:c -host-> host:bastion', 'tunnel:c -egress-> tunnel:b'],
    ],
    [
      'two users of one machine meet on it',
      [bastion, hostSpec('bastion-root', { hostname: 'bastion.example.com', user: 'root' })],
      [
        tunnelSpec('a', { type: 'remote', hosts: ['bastion-root'], ingress: tcp('localhost', 99) }),
        tunnelSpec('b', { egress: tcp('127.0.0.1', 99) }),
      ],
      ['tunnel:a -host-> host:bastion-root', 'tunnel:b -host-> host:bastion', 'tunnel:b -egress-> tunnel:a'],
    ],
  ])('%s', (_, hosts, tunnels, expected) => {
    expect(edgesOf(hosts, tunnels)).toEqual(expected);
  });

  it('the double tunnel: git waits for git-inner, both share the bastion', () => {
    const graph = buildGraph(doubleTunnel());
    expect([...graph.sessions.keys()]).toEqual(['bastion', 'test-server']);
    expect(bringUpOrder(graph)).toEqual([['host:bastion'], ['host:test-server'], ['tunnel:git-inner'], ['tunnel:git']]);
  });

  it('independent branches are of one wave', () => {
    const graph = buildGraph(
      project([bastion, hostSpec('b')], [tunnelSpec('x'), tunnelSpec('y', { hosts: ['b'], ingress: tcp('localhost', 1) })]),
    );
    expect(bringUpOrder(graph)).toEqual([
      ['host:bastion', 'host:b'],
      ['tunnel:x', 'tunnel:y'],
    ]);
  });

  it('a host reached by two ways is two connections', () => {
    const graph = buildGraph(
      project(
        [bastion, hostSpec('far')],
        [tunnelSpec('direct', { hosts: ['far'] }), tunnelSpec('relayed', { client: 'bastion', hosts: ['far'] })],
      ),
    );
    expect([...graph.sessions.keys()].toSorted()).toEqual(['bastion', 'far', 'far via bastion']);
  });
});

describe('wildcards and loopback names', () => {
  const names = ['localhost', '127.0.0.1', '::1', '*', '0.0.0.0', '::'];
  it.each(names.flatMap((bind) => names.map((dial) => [bind, dial])))('an ingress on %s is met by dialling %s', (bind, dial) => {
    const tunnels = [tunnelSpec('a', { type: 'remote', ingress: tcp(bind, 99) }), tunnelSpec('b', { egress: tcp(dial, 99) })];
    expect(edgesOf([bastion], tunnels)).toContain('tunnel:b -egress-> tunnel:a');
  });

  it('an ingress on one address is not met at another one', () => {
    const tunnels = [tunnelSpec('a', { type: 'remote', ingress: tcp('10.0.0.5', 99) }), tunnelSpec('b', { egress: tcp('10.0.0.6', 99) })];
    expect(edgesOf([bastion], tunnels)).not.toContain('tunnel:b -egress-> tunnel:a');
  });
});

describe('cycles', () => {
  it.each<[string, readonly HostSpec[], readonly TunnelSpec[], string[]]>([
    ['none in a chain', [bastion, inner], [tunnelSpec('a', { hosts: ['inner'] })], []],
    [
      'hosts via each other',
      [hostSpec('a', { via: ['b'] }), hostSpec('b', { via: ['a'] })],
      [tunnelSpec('t', { hosts: ['a'] })],
      ['host:a > host:b > host:a'],
    ],
    ['a host via itself', [hostSpec('a', { via: ['a'] })], [tunnelSpec('t', { hosts: ['a'] })], ['host:a > host:a']],
    [
      'tunnels that feed each other',
      [bastion],
      [
        tunnelSpec('x', { type: 'remote', ingress: tcp('localhost', 1), egress: tcp('localhost', 2) }),
        tunnelSpec('y', { ingress: tcp('localhost', 2), egress: tcp('localhost', 1) }),
      ],
      ['tunnel:x > tunnel:y > tunnel:x'],
    ],
    [
      'a host behind a tunnel through itself',
      [hostSpec('a', { hostname: 'localhost', port: 2222 })],
      [tunnelSpec('t', { hosts: ['a'], ingress: tcp('localhost', 2222) })],
      ['host:a > tunnel:t > host:a'],
    ],
    [
      'depends_on',
      [bastion],
      [
        tunnelSpec('x', { dependsOn: [{ tunnel: 'y', condition: 'open' }] }),
        tunnelSpec('y', { ingress: tcp('localhost', 1), dependsOn: [{ tunnel: 'x', condition: 'open' }] }),
      ],
      ['tunnel:x > tunnel:y > tunnel:x'],
    ],
  ])('%s', (_, hosts, tunnels, expected) => {
    expect(findCycles(buildGraph(project(hosts, tunnels))).map((path) => path.join(' > '))).toEqual(expected);
  });
});

describe('two tunnels on one place', () => {
  it.each<[string, Partial<TunnelSpec>, Partial<TunnelSpec>, boolean]>([
    ['the same port', { ingress: tcp('localhost', 1) }, { ingress: tcp('127.0.0.1', 1) }, true],
    ['a wildcard and an address', { ingress: tcp('*', 1) }, { ingress: tcp('10.0.0.5', 1) }, true],
    ['two addresses', { ingress: tcp('10.0.0.6', 1) }, { ingress: tcp('10.0.0.5', 1) }, false],
    ['two allocated ports', { ingress: tcp('localhost', 0) }, { ingress: tcp('localhost', 0) }, false],
    ['the same socket', { ingress: unix('/a') }, { ingress: unix('/a') }, true],
    ['the same port of two machines', { ingress: tcp('localhost', 1) }, { type: 'remote', ingress: tcp('localhost', 1) }, false],
  ])('%s', (_, a, b, collide) => {
    const graph = buildGraph(project([bastion], [tunnelSpec('a', a), tunnelSpec('b', b)]));
    expect(duplicateIngresses(graph)).toEqual(collide ? [{ first: 'a', second: 'b', machine: 'client' }] : []);
  });
});
