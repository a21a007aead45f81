/** B13: what a server forbids, told apart: which direction, which target, which rule to look at. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { keyPair } from '../helpers/keys.ts';
import { freePort } from '../helpers/free-port.ts';
import { hostEntry, type Up } from '../helpers/project.ts';
import { at, echoes, failureOf, scene } from '../helpers/scene.ts';
import { exchange, startEcho, startStalled, type Service } from '../helpers/services.ts';
import { startSshd, type Sshd, type SshdOptions } from '../helpers/sshd.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let allowed: Service;
let other: Service;
let silent: Service;
let port: number;

beforeAll(async () => {
  [allowed, other, silent, port] = await Promise.all([all.add(startEcho()), all.add(startEcho()), all.add(startStalled()), freePort()]);
});

interface Case {
  readonly rule: string;
  readonly server: () => Promise<SshdOptions>;
  readonly local: 'works' | 'forbidden';
  /** To the other service, which a rule may leave out. */
  readonly localOther: 'works' | 'forbidden';
  readonly remote: 'works' | 'denied';
}

const config = (settings: Record<string, string>) => async () => ({ config: settings });
const key = (options: string | (() => string)) => async () => ({
  authorizedKeys: [{ key: await keyPair(), options: typeof options === 'string' ? options : options() }],
});

const CASES: readonly Case[] = [
  { rule: 'AllowTcpForwarding yes', server: config({ AllowTcpForwarding: 'yes' }), local: 'works', localOther: 'works', remote: 'works' },
  {
    rule: 'AllowTcpForwarding no',
    server: config({ AllowTcpForwarding: 'no' }),
    local: 'forbidden',
    localOther: 'forbidden',
    remote: 'denied',
  },
  {
    rule: 'AllowTcpForwarding local',
    server: config({ AllowTcpForwarding: 'local' }),
    local: 'works',
    localOther: 'works',
    remote: 'denied',
  },
  {
    rule: 'AllowTcpForwarding remote',
    server: config({ AllowTcpForwarding: 'remote' }),
    local: 'forbidden',
    localOther: 'forbidden',
    remote: 'works',
  },
  {
    rule: 'PermitOpen',
    server: async () => ({ config: { PermitOpen: `127.0.0.1:${allowed.port}` } }),
    local: 'works',
    localOther: 'forbidden',
    remote: 'works',
  },
  { rule: 'PermitListen', server: config({ PermitListen: 'localhost:1' }), local: 'works', localOther: 'works', remote: 'denied' },
  {
    rule: 'a key with no-port-forwarding',
    server: key('no-port-forwarding'),
    local: 'forbidden',
    localOther: 'forbidden',
    remote: 'denied',
  },
  {
    rule: 'a key with permitopen=',
    server: key(() => `permitopen="127.0.0.1:${allowed.port}"`),
    local: 'works',
    localOther: 'forbidden',
    remote: 'works',
  },
  { rule: 'a key with permitlisten=', server: key('permitlisten="localhost:1"'), local: 'works', localOther: 'works', remote: 'denied' },
  { rule: 'a restrict key', server: key('restrict'), local: 'forbidden', localOther: 'forbidden', remote: 'denied' },
];

const start = async (sshd: Sshd): Promise<Up> => {
  const local = (service: Service) => ({ type: 'local', host: 'host', ingress: 0, egress: at(service) });
  const up = each
    .project({
      yaml: {
        hosts: { host: hostEntry(sshd) },
        tunnels: {
          allowed: local(allowed),
          other: local(other),
          remote: { type: 'remote', host: 'host', ingress: port, egress: at(allowed) },
        },
      },
    })
    .up();
  await up.untilOpen(['allowed', 'other']);
  return up;
};

/** The tunnel stays open: the refusal is of this one connection, and tells which rule to look at. */
async function expectForbidden(up: Up, name: string, service: Service): Promise<void> {
  const reached = service.accepted;
  await expect(
    exchange(up.port(name), 'anybody there?').then((back) => (back.length === 0 ? Promise.reject(new Error('nothing')) : back)),
  ).rejects.toThrow();
  const failed = await up.untilEvent((event) => event.type === 'connection-failed' && event.subject?.name === name);
  expect(failed['failure']).toMatchObject({
    code: 'target-forbidden',
    message: expect.stringContaining(at(service)) as string,
    hint: expect.stringMatching(/AllowTcpForwarding[^]*PermitOpen/) as string,
  });
  expect(up.state(name)).toBe('open');
  expect(service.accepted).toBe(reached);
}

describe('B13', () => {
  it.each(CASES)('$rule: local $local, elsewhere $localOther, remote $remote', async ({ server, local, localOther, remote }) => {
    const sshd = await each.add(startSshd({ name: 'host', ...(await server()) }));
    const up = await start(sshd);
    if (local === 'works') await echoes(up.port('allowed'));
    else await expectForbidden(up, 'allowed', allowed);
    if (localOther === 'works') await echoes(up.port('other'));
    else await expectForbidden(up, 'other', other);
    if (remote === 'works') {
      await up.untilOpen(['remote']);
      await echoes(port);
      return;
    }
    await up.untilEvent((event) => event.subject?.name === 'remote' && (event['failure'] ?? null) !== null);
    expect(failureOf(up, 'remote')).toMatchObject({
      code: 'remote-forward-denied',
      message: `host refused to listen on localhost:${port}`,
      hint: expect.stringMatching(/sshd_config of host: AllowTcpForwarding \(yes or remote\), PermitListen.*permitlisten/) as string,
    });
    expect(sshd.connections().authenticated).toBe(1);
  });

  it('a target that refuses is another thing than one that is forbidden', async () => {
    const sshd = await each.add(startSshd({ name: 'host' }));
    const nobody = await freePort();
    const up = each
      .project({
        yaml: {
          hosts: { host: hostEntry(sshd) },
          tunnels: {
            nobody: { type: 'local', host: 'host', ingress: 0, egress: `127.0.0.1:${nobody}` },
            fine: { type: 'local', host: 'host', ingress: 0, egress: at(allowed) },
          },
        },
      })
      .up();
    await up.untilOpen(['nobody', 'fine']);
    for (let attempt = 1; attempt <= 3; attempt += 1) await exchange(up.port('nobody'), 'x').catch(() => undefined);
    const failed = await up.untilEvent((event) => event.type === 'connection-failed');
    expect(failed['failure']).toMatchObject({ code: 'target-refused' });
    expect(up.state('nobody')).toBe('open');
    await echoes(up.port('fine'));
  });

  it.each([
    ['answers', () => other],
    ['is silent', () => silent],
  ] as const)('a port another process, which %s, has on the server is said to be in use, not forbidden', async (_, holder) => {
    const sshd = await each.add(startSshd({ name: 'host' }));
    const up = each
      .project({
        yaml: {
          hosts: { host: hostEntry(sshd) },
          tunnels: {
            taken: { type: 'remote', host: 'host', ingress: holder().port, egress: at(allowed) },
            fine: { type: 'remote', host: 'host', ingress: 0, egress: at(allowed) },
          },
        },
      })
      .up();
    await up.untilOpen(['fine']);
    await up.untilEvent((event) => event.subject?.name === 'taken' && (event['failure'] ?? null) !== null);
    // sshd itself is content with the other half of localhost.
    expect(failureOf(up, 'taken')).toMatchObject({
      code: 'remote-forward-denied',
      message: `port ${holder().port} on host is in use by another process: sshd got it on ::1 only`,
    });
    expect(up.state('taken')).toBe('opening');
    await echoes(up.port('fine'));
  });
});
