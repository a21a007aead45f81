/** A server that changed while we were away: another host key, or our key no longer welcome (FACTS, "Faults"). */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { echoes, at, failureOf, scene } from '../helpers/scene.ts';
import { figure } from '../helpers/figure.ts';
import { hostEntry, type Up } from '../helpers/project.ts';
import { dial, startEcho, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { keyPair } from '../helpers/keys.ts';
import { sleep, within } from '../helpers/wait.ts';

const each = scene(afterEach);
let changing: Sshd;
let sibling: Sshd;
let echo: Service;
let up: Up;

beforeEach(async () => {
  [changing, sibling, echo] = await Promise.all([each.sshd({ name: 'changing' }), each.sshd({ name: 'sibling' }), each.add(startEcho())]);
  const tunnel = (host: string) => ({ type: 'local', host, ingress: 0, egress: at(echo) });
  const reconnect = { min: '100ms' };
  const project = each.project({
    yaml: {
      hosts: { changing: hostEntry(changing, { reconnect }), sibling: hostEntry(sibling) },
      tunnels: { there: tunnel('changing'), beside: tunnel('sibling') },
    },
  });
  up = project.up();
  await up.untilOpen(['there', 'beside']);
});

it('a new host key: it stops before anything is authenticated, and siblings keep their open connections', async () => {
  const open = await dial(up.port('beside'));
  const counted = changing.connections();
  await changing.restart({ hostKeyName: 'another' });
  await up.untilEvent((event) => event.subject?.name === 'changing' && event.to === 'failed');
  expect(failureOf(up, 'changing')).toMatchObject({ code: 'host-key-changed' });
  expect(up.state('there')).not.toBe('open');
  // Longer than any wait of a loop would be.
  await sleep(1_500);
  const now = changing.connections();
  expect(figure('new host key, authentications tried', now.attempts - counted.attempts, { unit: 'attempts', limit: 0 })).toBe(0);
  expect(figure('new host key, connections made', now.accepted - counted.accepted, { unit: 'connections', limit: 1 })).toBe(1);
  const back = new Promise<string>((resolve) => open.once('data', (data) => resolve(String(data))));
  open.write('still here');
  expect(await within(back, { what: 'the echo over the connection that was open' })).toBe('still here');
  open.destroy();
  expect(up.events().filter((event) => event.subject?.name === 'beside' && event.to === 'reconnecting')).toEqual([]);
  await echoes(up.port('beside'));
});

it('a key removed from authorized_keys: at most two tries, and it says what the user must do', async () => {
  const counted = changing.connections();
  changing.authorize(await keyPair({ name: 'somebody-else' }));
  changing.signalSessions('SIGKILL');
  await up.untilEvent((event) => event.subject?.name === 'changing' && event.to === 'failed');
  expect(failureOf(up, 'changing')).toMatchObject({ code: 'auth-rejected', hint: expect.any(String) });
  await sleep(1_500);
  const tries = changing.connections().accepted - counted.accepted;
  expect(figure('key removed, tries', tries, { unit: 'tries', limit: 2 })).toBeLessThanOrEqual(2);
  expect(tries).toBeGreaterThan(0);
  expect(changing.connections().authenticated).toBe(counted.authenticated);
  await echoes(up.port('beside'));
});
