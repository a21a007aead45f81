/** B1 and B2: loopback by default, opening to others is a deliberate act, and who may connect. */
import { networkInterfaces } from 'node:os';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { hostEntry, type Project } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { collect, dial, startEcho, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;

beforeAll(async () => {
  [bastion, echo] = await Promise.all([all.sshd({ name: 'bastion', config: { GatewayPorts: 'clientspecified' } }), all.add(startEcho())]);
});

const project = (tunnels: Record<string, unknown>): Project => each.project({ yaml: { hosts: { bastion: hostEntry(bastion) }, tunnels } });
const local = (ingress: number | string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  type: 'local',
  host: 'bastion',
  ingress,
  egress: at(echo),
  ...more,
});

/** What came back to a client whose own address is `from`; null where it was refused. */
const echoFrom = (from: string, port: number): Promise<string | null> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: from, allowHalfOpen: true });
    socket.end('who am I');
    collect(socket).then(
      (back) => resolve(back.length === 0 ? null : back.toString()),
      () => resolve(null),
    );
  });

describe('B1: without `expose`', () => {
  it.each([
    ['local', '*:18080'],
    ['local', '0.0.0.0:18080'],
    ['local', '192.0.2.1:18080'],
    ['remote', '*:18080'],
    ['dynamic', '*:18080'],
  ])('a %s tunnel on %s is refused before anything is dialled', async (type, ingress) => {
    const before = bastion.connections().accepted;
    const { egress, ...rest } = local(ingress, { type });
    const made = project({ open: type === 'dynamic' ? rest : { ...rest, egress }, fine: local(0) });
    const result = await made.run(['--progress', 'plain', 'up']);
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(result.stderr).toMatch(/^tunnels\.yaml:\d+:\d+ .*expose/m);
    expect((await made.run(['--progress', 'json', 'up'])).stderr).toContain('"code":"exposed"');
    expect(bastion.connections().accepted).toBe(before);
  });

  it('a tunnel listens on loopback only', async () => {
    const up = project({ mine: local(0) }).up();
    await up.untilOpen(['mine']);
    const port = up.port('mine');
    await echoes(port);
    await echoes({ host: '::1', port });
    const others = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter((address) => address.family === 'IPv4' && !address.internal)
      .map((address) => address.address);
    for (const host of [...others, '127.0.0.2']) await expect(dial({ host, port }, 2_000)).rejects.toThrow('ECONNREFUSED');
  });
});

describe('B2: `allow`', () => {
  it('lets in who is named and turns the others away, counted; a reload changes it for those who come after', async () => {
    const port = await freePort();
    const made = project({ ours: local(`*:${port}`, { expose: true, allow: ['127.0.0.1/32', '127.0.8.0/24'] }) });
    const up = made.up();
    await up.untilOpen(['ours']);
    for (const from of ['127.0.0.1', '127.0.8.9']) expect(await echoFrom(from, port)).toBe('who am I');
    const reached = echo.accepted;
    for (const from of ['127.0.0.2', '127.0.9.1']) expect(await echoFrom(from, port)).toBeNull();
    await up.untilEvent((event) => event.type === 'connection-refused' && String(event['from']).startsWith('127.0.9.1:'));
    const refused = up.events().filter((event) => event.type === 'connection-refused');
    expect(refused.map((event) => [event['why'], String(event['from']).replace(/:\d+$/, '')])).toEqual([
      ['allow', '127.0.0.2'],
      ['allow', '127.0.9.1'],
    ]);
    // The service heard nothing of them.
    expect(echo.accepted).toBe(reached);

    const seen = up.events().length;
    made.write({
      hosts: { bastion: hostEntry(bastion) },
      tunnels: { ours: local(`*:${port}`, { expose: true, allow: ['127.0.0.2/32'] }) },
    });
    await up.untilEvent((event) => event.type === 'applied', 5_000, seen);
    expect(await echoFrom('127.0.0.2', port)).toBe('who am I');
    expect(await echoFrom('127.0.0.1', port)).toBeNull();
  });

  it('tells a person why, too', async () => {
    const port = await freePort();
    const up = project({ ours: local(`*:${port}`, { expose: true, allow: ['127.0.0.1/32'] }) }).up([], { progress: 'plain' });
    await up.untilLine(/1 tunnel is open/);
    expect(await echoFrom('127.0.0.3', port)).toBeNull();
    await up.untilLine(/127\.0\.0\.3:\d+ refused: not in `allow`/);
    expect(await echoFrom('127.0.0.1', port)).toBe('who am I');
  });
});
