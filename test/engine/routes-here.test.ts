import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { routesHere, routesIn } from '../../src/engine/routes-here.ts';
import { figure } from '../helpers/figure.ts';

const V4 = [
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
  'eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0',
  'eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0',
  '',
].join('\n');
const V6 = [
  'fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0',
  'fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0',
  '00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0',
  '00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000004 00000000 80200001       lo',
  '',
].join('\n');

describe('the routes of a machine', () => {
  it('are its ways out, and neither loopback nor what each link has', () => {
    expect(routesIn(V4, V6).split('\n')).toEqual([
      'eth0 00000000/00000000 010200C0 100',
      `eth0 ${'0'.repeat(32)}/00 fd000000000000000000000000000001 00000400`,
      'eth0 000200C0/00FFFFFF 00000000 100',
      `eth0 fd${'0'.repeat(30)}/40 ${'0'.repeat(32)} 00000100`,
    ]);
  });

  it.each([
    ['a router', V4.replace('010200C0', 'FE0200C0'), V6],
    ['a metric', V4.replace('\t100\t00000000', '\t50\t00000000'), V6],
    ['an IPv6 router', V4, V6.replace('fd000000000000000000000000000001', 'fd000000000000000000000000000009')],
    ['the device', V4.replaceAll('eth0', 'wg0'), V6],
  ])('are others with another %s', (_, v4, v6) => {
    expect(routesIn(v4, v6)).not.toBe(routesIn(V4, V6));
  });

  it.each([
    ['a count of users', V4.replace('0003\t0\t0', '0003\t7\t9'), V6.replace('00000002 00000000 00000003', '00000009 000000ff 00000003')],
    ['the order', V4.split('\n').toReversed().join('\n'), V6.split('\n').toReversed().join('\n')],
    ['a path the kernel found', V4, `${V6}${V6.split('\n')[0]?.replace('00000001     eth0', '01000001     eth0')}\n`],
    ['route to a container', `${V4}cali7\t0502000A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n`, V6],
    ['what stands behind a cut', `${V4}eth0\t0000`, `${V6}fd00`],
  ])('are the same with another %s', (_, v4, v6) => {
    expect(routesIn(v4, v6)).toBe(routesIn(V4, V6));
  });

  it.runIf(process.platform === 'linux')('are read in no time, which is spent each second', () => {
    expect(routesHere()).toBe(routesIn(readFileSync('/proc/net/route', 'latin1'), readFileSync('/proc/net/ipv6_route', 'latin1')));
    const before = process.cpuUsage();
    for (let look = 0; look < 200; look += 1) routesHere();
    const { user, system } = process.cpuUsage(before);
    const each = figure('a look at the routes', (user + system) / 200, { unit: 'µs of processor time', limit: 2_000 });
    expect(each).toBeLessThan(2_000);
  });
});
