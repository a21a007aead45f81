/** A server that takes only so many logins at a time, or wants to be left alone for a while (FACTS, "sshd"). */
import { createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { figure } from '../helpers/figure.ts';
import { hostEntry, type Up } from '../helpers/project.ts';
import { at, echoes, failureOf, scene } from '../helpers/scene.ts';
import { startEcho } from '../helpers/services.ts';
import type { SshdOverrides } from '../helpers/sshd-config.ts';
import { sleep, until } from '../helpers/wait.ts';

const each = scene(afterEach);

/** `count` hosts that are all one server, a tunnel each. */
async function manyHosts(count: number, config: SshdOverrides): Promise<Up> {
  const [sshd, echo] = await Promise.all([each.sshd({ config }), each.add(startEcho())]);
  const names = Array.from({ length: count }, (_, index) => `host-${index + 1}`);
  const project = each.project({
    yaml: {
      hosts: Object.fromEntries(names.map((name) => [name, hostEntry(sshd)])),
      tunnels: Object.fromEntries(names.map((name) => [`t-${name}`, { type: 'local', host: name, ingress: 0, egress: at(echo) }])),
    },
  });
  const from = performance.now();
  const up = project.up();
  await up.untilOpen(
    names.map((name) => `t-${name}`),
    60_000,
  );
  const turnedAway = up.events().filter((event) => event.type === 'host-state' && event.to === 'backoff').length;
  figure(`${count} hosts on one sshd with MaxStartups ${config['MaxStartups']}, all open`, performance.now() - from);
  figure(`${count} hosts on one sshd with MaxStartups ${config['MaxStartups']}, logins turned away`, turnedAway, { unit: 'times' });
  await echoes(up.port('t-host-1'));
  await echoes(up.port(`t-host-${count}`));
  return up;
}

it('100 hosts on one sshd as it is shipped: fewer dials at once than it throttles, so that none is turned away, or few', async () => {
  const up = await manyHosts(100, { MaxStartups: '10:30:60' });
  // A busy sshd counts a login for a moment longer than it takes. All at once would be throttled from the eleventh on.
  expect(up.events().filter((event) => event.type === 'host-state' && event.to === 'backoff').length).toBeLessThanOrEqual(5);
}, 90_000);

it('a server that turns away all but two logins at a time: those come back at moments of their own, and all are open in the end', async () => {
  const up = await manyHosts(24, { MaxStartups: '2:100:2' });
  const waits = up.events().flatMap((event) => (typeof event['retryInMs'] === 'number' ? [event['retryInMs']] : []));
  expect(waits.length).toBeGreaterThan(0);
  expect(new Set(waits).size).toBeGreaterThan(waits.length / 2);
}, 90_000);

it('a server that holds failed logins against the address is left alone for 15 s', async () => {
  let dials = 0;
  const server = createServer((socket) => {
    dials += 1;
    socket.on('error', () => undefined);
    socket.resume().end('Not allowed at this time\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  each.onEnd(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const project = each.project({
    yaml: {
      hosts: { bastion: { hostname: '127.0.0.1', port, host_key_policy: 'ignore', reconnect: { min: '10ms', max: '50ms' } } },
      tunnels: { web: { type: 'local', host: 'bastion', ingress: 0, egress: 'localhost:80' } },
    },
  });
  const up = project.up();
  await until(() => failureOf(up, 'bastion'), { what: 'the refusal to be told' });
  expect(failureOf(up, 'bastion')).toMatchObject({ code: 'refused', hint: expect.stringContaining('PerSourcePenalties') });
  const wait = up.events().find((event) => event.type === 'host-state' && event.to === 'backoff')?.['retryInMs'];
  expect(figure('after a penalty notice, the next try in', Number(wait), { limit: 15_000 })).toBeGreaterThanOrEqual(15_000);
  await sleep(1_000);
  expect(dials).toBe(1);
});
