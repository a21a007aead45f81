/** A1 and A3: a bind address, a port the server chooses, and several remote forwards on one connection. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { hostEntry } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { dial, startEcho, startMail, startWww, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let server: Sshd;
let echo: Service;
let www: Service;
let mail: Service;

beforeAll(async () => {
  [server, echo, www, mail] = await Promise.all([
    all.sshd({ name: 'server' }),
    all.add(startEcho()),
    all.add(startWww({ page: 'intranet' })),
    all.add(startMail()),
  ]);
});

it('A1: a local tunnel on a bind address, and a remote one on the port the server chose', async () => {
  const up = each
    .project({
      yaml: {
        hosts: { server: hostEntry(server) },
        tunnels: { bound: `-L 127.0.0.5:0:${at(echo)} server`, chosen: `-R 0:${at(echo)} server` },
      },
    })
    .up();
  await up.untilOpen(['bound', 'chosen']);
  const opened = (name: string) => up.events().find((event) => event.subject?.name === name && event.to === 'open')?.ingress;
  expect(opened('bound')).toBe(`127.0.0.5:${up.port('bound')}`);
  await echoes({ host: '127.0.0.5', port: up.port('bound') });
  await expect(dial({ host: '127.0.0.1', port: up.port('bound') })).rejects.toThrow('ECONNREFUSED');
  expect(opened('chosen')).toBe(`127.0.0.1:${up.port('chosen')}`);
  expect(up.port('chosen')).toBeGreaterThan(0);
  await echoes(up.port('chosen'));
});

it('A3: the back door: three remote forwards on one connection, each to its own service', async () => {
  const before = server.connections().authenticated;
  const up = each
    .project({
      yaml: {
        hosts: { server: hostEntry(server) },
        tunnels: {
          intranet: { type: 'remote', host: 'server', ingress: 0, egress: at(www) },
          mail: { type: 'remote', host: 'server', ingress: 0, egress: at(mail) },
          echo: { type: 'remote', host: 'server', ingress: 0, egress: at(echo) },
        },
      },
    })
    .up();
  await up.untilOpen(['intranet', 'mail', 'echo']);
  expect(await (await fetch(`http://127.0.0.1:${up.port('intranet')}/`)).text()).toBe('intranet');
  const client = await dial(up.port('mail'));
  each.onEnd(() => client.destroy());
  const said: string[] = [];
  client.on('data', (data) => said.push(data.toString()));
  client.write('a1 NOOP\r\na2 LOGOUT\r\n');
  await new Promise((resolve) => client.once('end', resolve));
  expect(said.join('')).toBe('* OK mail-server ready\r\na1 OK NOOP\r\n* BYE\r\na2 OK LOGOUT\r\n');
  await echoes(up.port('echo'));
  expect(new Set(['intranet', 'mail', 'echo'].map((name) => up.port(name))).size).toBe(3);
  expect(server.connections().authenticated - before).toBe(1);
  expect(server.connections().live).toBe(1);
});
