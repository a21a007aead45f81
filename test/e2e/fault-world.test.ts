/** The world changes around a running program: it is frozen, its machine gets another address, a name stops to resolve (FACTS, "Faults"). */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { figure } from '../helpers/figure.ts';
import { machinesAvailable, startMachines } from '../helpers/machines.ts';
import { hostEntry } from '../helpers/project.ts';
import { at, echoes, failureOf, scene } from '../helpers/scene.ts';
import { dial, startEcho } from '../helpers/services.ts';
import { sleep, until, within } from '../helpers/wait.ts';

// Shown elsewhere: a busy port names its holder and opens within 2 s of being free (scenario-book-busy-port.test.ts); a broken file drops
// nothing and is told within 1 s (reload-files.test.ts, "a broken file"); a state directory that is full (daemon-process.test.ts).

const each = scene(afterEach);
const BASTION = 'bastion.example.com';

it('frozen for 8 s while the server drops the connection: the jump of the clock is seen, and it is open within 3 s', async () => {
  const [sshd, echo] = await Promise.all([each.sshd(), each.add(startEcho())]);
  // Every wait but the first would be longer than what is allowed.
  const reconnect = { min: '20s', max: '30s' };
  const project = each.project({
    yaml: {
      hosts: { bastion: hostEntry(sshd, { reconnect }) },
      tunnels: { echo: { type: 'local', host: 'bastion', ingress: 0, egress: at(echo) } },
    },
  });
  const up = project.up();
  await up.untilOpen(['echo']);
  const kept = await dial(up.port('echo'));
  kept.write('served');
  await within(once(kept, 'data'), { what: 'the connection to be served' });
  const ended = new Promise<string>((resolve) => {
    kept.resume();
    kept.once('end', () => resolve('end')).once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
  });
  up.signal('SIGSTOP');
  await sleep(8_000);
  // Frozen too: the connection is there and answers nothing.
  sshd.signalSessions('SIGSTOP');
  const seen = up.events().length;
  const from = performance.now();
  up.signal('SIGCONT');
  await up.untilEvent((event) => event.type === 'warning' && /clock jumped by \d+ s/.test(String(event['message'])), 3_000, seen);
  figure('woken after 8 s, the jump of the clock is seen', performance.now() - from);
  await up.untilEvent((event) => event.subject?.name === 'echo' && event.to === 'open', 10_000, seen);
  expect(figure('woken after 8 s on a dead link, open again', performance.now() - from, { limit: 3_000 })).toBeLessThan(3_000);
  await echoes(up.port('echo'));
  // It must not look like one that the far end has finished.
  expect(await within(ended, { what: 'the connection that was open to be reset' })).toBe('ECONNRESET');
  sshd.signalSessions('SIGCONT');
});

describe.runIf(machinesAvailable())('on a machine whose network changes', () => {
  it('another address: noticed without a keepalive, and open again from the new one', async () => {
    const made = await each.add(
      startMachines({ links: [['you', BASTION]], sshds: { [BASTION]: {} }, services: { [BASTION]: ['http:8000'] } }),
    );
    const tunnels = { web: { type: 'local', host: BASTION, ingress: 8080, egress: 'localhost:8000' } };
    made.project.write({ hosts: { [BASTION]: { user: 'deploy', keepalive: { interval: '60s' } } }, tunnels });
    const up = made.project.up();
    await up.untilOpen(['web']);
    const page = await made.curl('you', 'http://127.0.0.1:8080/');
    const seen = up.events().length;
    const from = performance.now();
    const address = await made.readdress('you', BASTION);
    await up.untilEvent(
      (event) => event.type === 'warning' && String(event['message']).startsWith('the addresses of this machine changed'),
      5_000,
      seen,
    );
    figure('another address, noticed', performance.now() - from);
    await up.untilEvent((event) => event.subject?.name === 'web' && event.to === 'open', 10_000, seen);
    // A look a second, two seconds for the probe, and the way there.
    expect(figure('another address, open again', performance.now() - from, { limit: 4_500 })).toBeLessThan(4_500);
    expect(await made.curl('you', 'http://127.0.0.1:8080/')).toBe(page);
    expect(made.sshd(BASTION).log()).toContain(`Connection from ${address} `);
  });

  it('a name that does not resolve for a while: open within one wait of its return', async () => {
    const made = await each.add(
      startMachines({ links: [['you', BASTION]], sshds: { [BASTION]: {} }, services: { [BASTION]: ['http:8000'] } }),
    );
    const names = `/etc/netns/${made.on('you')[3]}/hosts`;
    const known = readFileSync(names, 'utf8');
    // Into the same file: it is mounted over /etc/hosts there.
    const forget = (): void => writeFileSync(names, known.replaceAll(BASTION, 'other.example.com'));
    const tunnels = { web: { type: 'local', host: BASTION, ingress: 8080, egress: 'localhost:8000' } };
    made.project.write({ hosts: { [BASTION]: { user: 'deploy', reconnect: { min: '100ms', max: '1s' } } }, tunnels });
    const up = made.project.up();
    await up.untilOpen(['web']);
    forget();
    const seen = up.events().length;
    made.sshd(BASTION).signalSessions('SIGKILL');
    const failing = (): string | undefined => failureOf(up, BASTION)?.code;
    await until(() => failing() === 'dns', { what: 'the name to fail' });
    await sleep(1_500);
    const from = performance.now();
    writeFileSync(names, known);
    await up.untilEvent((event) => event.subject?.name === 'web' && event.to === 'open', 5_000, seen);
    expect(figure('the name is back (waits of at most 1 s), open again', performance.now() - from, { limit: 1_500 })).toBeLessThan(1_500);
    expect(failureOf(up, BASTION)).toMatchObject({ code: 'dns', message: expect.stringContaining(BASTION) });
  });
});
