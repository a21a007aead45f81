/** A2: unix sockets at either end of local and remote tunnels, and the socket file a session left behind. */
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hostEntry } from '../helpers/project.ts';
import { redisCli, startRedis, type Redis } from '../helpers/redis.ts';
import { at, echoes, failureOf, scene } from '../helpers/scene.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { startEcho, type Service, type Target, upload, startSink, hashOf } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let server: Sshd;
let byPort: Service;
let bySocket: Service;
let sink: Service;
let redis: Redis;
let dir: string;

beforeAll(async () => {
  dir = scratch('sockets');
  all.onEnd(() => remove(dir));
  [server, byPort, bySocket, sink, redis] = await Promise.all([
    all.sshd({ name: 'server' }),
    all.add(startEcho()),
    all.add(startEcho({ path: join(dir, 'echo.sock') })),
    all.add(startSink({ path: join(dir, 'sink.sock') })),
    all.add(startRedis()),
  ]);
});

const socket = (name: string): string => join(dir, `${name}.sock`);
const hosts = (sshd: Sshd): Record<string, unknown> => ({ server: hostEntry(sshd) });

it('all four combinations, local and remote, carry bytes both ways', async () => {
  const ends = { tcp: { ingress: () => 0, egress: at(byPort) }, unix: { ingress: socket, egress: bySocket.path ?? '' } } as const;
  const kinds = ['tcp', 'unix'] as const;
  const tunnels = ['local', 'remote'].flatMap((type) =>
    kinds.flatMap((from) =>
      kinds.map((to) => {
        const name = `${type}-${from}-${to}`;
        return [name, { type, host: 'server', ingress: ends[from].ingress(name), egress: ends[to].egress }] as const;
      }),
    ),
  );
  const names = tunnels.map(([name]) => name);
  const up = each.project({ yaml: { hosts: hosts(server), tunnels: Object.fromEntries(tunnels) } }).up();
  await up.untilOpen(names);
  const target = (name: string): Target => (name.includes('-unix-') ? { path: socket(name) } : up.port(name));
  await Promise.all(names.map((name) => echoes(target(name), name.repeat(10_000))));
  for (const name of names) {
    const opened = up.events().find((event) => event.subject?.name === name && event.to === 'open')?.ingress;
    expect(opened).toBe(name.includes('-unix-') ? socket(name) : `127.0.0.1:${up.port(name)}`);
    const served = up.events().filter((event) => event.subject?.name === name && event.type === 'connection-opened');
    expect(served.map((event) => event['target'])).toEqual([name.endsWith('unix') ? bySocket.path : at(byPort)]);
  }
  expect(await up.stop()).toMatchObject({ code: 0 });
  // Ours are gone; sshd leaves its own.
  for (const to of kinds) expect(existsSync(socket(`local-unix-${to}`))).toBe(false);
  expect(server.connections().authenticated).toBe(1);
});

it('a socket ingress is for its owner alone unless `socket_mode` says otherwise', async () => {
  const up = each
    .project({
      yaml: {
        hosts: hosts(server),
        tunnels: {
          mine: { type: 'local', host: 'server', ingress: socket('mine'), egress: redis.path },
          ours: { type: 'local', host: 'server', ingress: socket('ours'), egress: sink.path ?? '', socket_mode: '0660' },
        },
      },
    })
    .up();
  await up.untilOpen(['mine', 'ours']);
  expect(statSync(socket('mine')).mode & 0o777).toBe(0o600);
  expect(statSync(socket('ours')).mode & 0o777).toBe(0o660);
  expect(await redisCli(['-s', socket('mine')], 'PING')).toBe('PONG');
  const size = 3 * 1024 * 1024;
  expect(await upload({ path: socket('ours') }, size)).toEqual({ bytes: size, sha256: hashOf(size) });
});

describe('a socket file that is there already', () => {
  const remote = (path: string): Record<string, unknown> => ({
    there: { type: 'remote', host: 'server', ingress: path, egress: at(byPort) },
    fine: { type: 'remote', host: 'server', ingress: 0, egress: at(byPort) },
  });

  it('on the server, left by a session that is over: says so and how to remove it; once it is gone the tunnel opens', async () => {
    const path = socket('stale');
    // sshd removes none of its socket files (FACTS of the protocol: cancelling closes, it does not unlink).
    const first = each.project({ yaml: { hosts: hosts(server), tunnels: remote(path) } }).up();
    await first.untilOpen(['there', 'fine']);
    await echoes({ path });
    await first.stop();
    await until(() => server.connections().live === 0, { what: 'the session to be over' });
    expect(existsSync(path)).toBe(true);

    const up = each.project({ yaml: { hosts: hosts(server), tunnels: remote(path) } }).up();
    await up.untilOpen(['fine']);
    await up.untilEvent((event) => event.subject?.name === 'there' && (event['failure'] ?? null) !== null);
    expect(failureOf(up, 'there')).toMatchObject({
      code: 'remote-forward-denied',
      message: `${path} on server was left there by a session that is over`,
      hint: expect.stringMatching(/ssh server rm .*stale\.sock.*"StreamLocalBindUnlink yes" in sshd_config of server/) as string,
    });
    remove(path);
    await up.untilOpen(['there']);
    await echoes({ path });
  });

  it('on the server, with StreamLocalBindUnlink: is replaced', async () => {
    const path = socket('replaced');
    const unlinking = await each.sshd({ name: 'server', config: { StreamLocalBindUnlink: true } });
    for (let round = 1; round <= 3; round += 1) {
      const up = each.project({ yaml: { hosts: hosts(unlinking), tunnels: remote(path) } }).up();
      await up.untilOpen(['there', 'fine']);
      await echoes({ path });
      await up.stop();
      expect(existsSync(path)).toBe(true);
    }
  });

  it('on this machine: one nobody listens on is replaced, one that answers and one that is no socket are not', async () => {
    const [dead, live, file] = [socket('dead'), bySocket.path ?? '', socket('file')];
    writeFileSync(file, 'precious');
    const local = (path: string): Record<string, unknown> => ({ type: 'local', host: 'server', ingress: path, egress: at(byPort) });
    const killed = each.project({ yaml: { hosts: hosts(server), tunnels: { dead: local(dead) } } }).up();
    await killed.untilOpen(['dead']);
    await killed.stop('SIGKILL');
    expect(existsSync(dead)).toBe(true);

    const up = each.project({ yaml: { hosts: hosts(server), tunnels: { dead: local(dead), live: local(live), file: local(file) } } }).up();
    await up.untilOpen(['dead']);
    await echoes({ path: dead });
    for (const name of ['live', 'file']) await up.untilEvent((event) => event.subject?.name === name && event.to === 'failed');
    expect(failureOf(up, 'live')).toMatchObject({
      code: 'bind-in-use',
      message: expect.stringContaining(`(pid ${process.pid})`) as string,
    });
    expect(failureOf(up, 'file')).toMatchObject({ code: 'bind-denied', message: `${file} exists and is no socket` });
    await echoes({ path: live });
  });
});

it.each([
  ['no', 'forbidden', 'denied'],
  ['local', 'works', 'denied'],
  ['remote', 'forbidden', 'works'],
])('AllowStreamLocalForwarding %s: a local tunnel %s, a remote one %s', async (AllowStreamLocalForwarding, local, remote) => {
  const sshd = await each.sshd({ name: 'server', config: { AllowStreamLocalForwarding, StreamLocalBindUnlink: true } });
  const path = socket(`allowed-${AllowStreamLocalForwarding}`);
  const up = each
    .project({
      yaml: {
        hosts: hosts(sshd),
        tunnels: {
          near: { type: 'local', host: 'server', ingress: 0, egress: bySocket.path ?? '' },
          far: { type: 'remote', host: 'server', ingress: path, egress: at(byPort) },
        },
      },
    })
    .up();
  await up.untilOpen(['near']);
  if (local === 'works') await echoes(up.port('near'));
  else {
    await expect(echoes(up.port('near'))).rejects.toThrow();
    const failed = await up.untilEvent((event) => event.type === 'connection-failed');
    // For a socket sshd does not say whether it is forbidden or not there, so both are named.
    expect(failed['failure']).toMatchObject({
      code: 'target-refused',
      hint: expect.stringMatching(/does the socket exist.*AllowStreamLocalForwarding \(yes or local\)/) as string,
    });
  }
  if (remote === 'works') {
    await up.untilOpen(['far']);
    await echoes({ path });
    return;
  }
  await up.untilEvent((event) => event.subject?.name === 'far' && (event['failure'] ?? null) !== null);
  expect(failureOf(up, 'far')).toMatchObject({
    code: 'remote-forward-denied',
    hint: expect.stringContaining('AllowStreamLocalForwarding must be yes or remote') as string,
  });
});
