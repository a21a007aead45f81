/** B8: port 0, here or on the server, is told, and passed on to those who need it. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { hostEntry } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { startEcho, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let inner: Sshd;
let echo: Service;

beforeAll(async () => {
  [bastion, inner, echo] = await Promise.all([all.sshd({ name: 'bastion' }), all.sshd({ name: 'inner' }), all.add(startEcho())]);
});

it('a port the server allocates is told, and another tunnel dials the port that was got', async () => {
  const up = each
    .project({
      yaml: {
        hosts: { bastion: hostEntry(bastion) },
        tunnels: {
          // Written first, but it needs `door`.
          back: { type: 'local', host: 'bastion', ingress: 0, egress: 'localhost:0' },
          door: { type: 'remote', host: 'bastion', ingress: 0, egress: at(echo) },
        },
      },
    })
    .up();
  await up.untilOpen(['door', 'back']);
  const opened = up.events().filter((event) => event.type === 'tunnel-state' && event.to === 'open');
  expect(opened.map((event) => event.subject?.name)).toEqual(['door', 'back']);
  for (const event of opened) expect(event.ingress).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
  await echoes(up.port('door'));
  await echoes(up.port('back'));
  const door = up.port('door');
  expect(
    up
      .events()
      .filter((event) => event.type === 'connection-opened')
      .at(-1)?.['target'],
  ).toBe(at(echo));
  expect(up.events().some((event) => event.type === 'connection-opened' && event['target'] === `localhost:${door}`)).toBe(true);

  // The server is asked for the same port again, so that whoever was told of it finds it.
  const seen = up.events().length;
  bastion.signalSessions('SIGKILL');
  await up.untilEvent((event) => event.subject?.name === 'back' && event.to === 'open', 15_000, seen);
  expect(up.port('door')).toBe(door);
  await echoes(up.port('back'));
});

it('a host whose address is an allocated ingress is dialled there', async () => {
  const up = each
    .project({
      yaml: {
        hosts: {
          bastion: hostEntry(bastion),
          inner: hostEntry(inner, { hostname: 'localhost', port: 0, known_hosts: inner.knownHostsFile, host_key: inner.fingerprint }),
        },
        tunnels: {
          way: { type: 'local', host: 'bastion', ingress: 0, egress: `127.0.0.1:${inner.port}` },
          far: { type: 'local', host: 'inner', ingress: 0, egress: at(echo) },
        },
      },
    })
    .up();
  await up.untilOpen(['way', 'far']);
  await echoes(up.port('far'));
  expect(inner.connections().authenticated).toBe(1);
});

it('a table shows the ports that were got', async () => {
  const up = each
    .project({
      yaml: {
        hosts: { bastion: hostEntry(bastion) },
        tunnels: { here: `-L 0:${at(echo)} bastion`, there: `-R 0:${at(echo)} bastion` },
      },
    })
    .up([], { progress: 'plain' });
  await up.untilLine(/2 tunnels are open/);
  const [, here = ''] = await up.untilLine(/^here +127\.0\.0\.1:([1-9]\d*) +→/);
  const [, there = ''] = await up.untilLine(/^there +127\.0\.0\.1:([1-9]\d*) on bastion +→/);
  await echoes(Number(here));
  await echoes(Number(there));
});
