/** The world changes around a running program: it is frozen, a name stops to resolve (FACTS, "Faults"). */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { figure } from '../helpers/figure.ts';
import { machinesAvailable, startMachines } from '../helpers/machines.ts';
import { hostEntry } from '../helpers/project.ts';
import { at, failureOf, scene } from '../helpers/scene.ts';
import { startEcho } from '../helpers/services.ts';
import { freeze } from '../helpers/slow-faults.ts';
import { sshdProgram, sshdVersion } from '../helpers/sshd.ts';
import { sleep, until } from '../helpers/wait.ts';

const each = scene(afterEach);
const BASTION = 'bastion.example.com';

it('frozen for 8 s while the server drops the connection: the jump of the clock is seen, and it is open within 3 s', async () => {
  const { seenMs, openMs, ended } = await freeze(each, 8_000);
  figure('woken after 8 s, the jump of the clock is seen', seenMs);
  expect(figure('woken after 8 s on a dead link, open again', openMs, { limit: 3_000 })).toBeLessThan(3_000);
  expect(ended).toBe('ECONNRESET');
});

describe.runIf(machinesAvailable())('on a machine whose names change', () => {
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

/** Since OpenSSH 9.2. */
const closesUnused = Number.parseFloat(sshdVersion(sshdProgram() ?? 'sshd')) >= 9.2;

it.runIf(closesUnused)('a server that closes unused connections without a word: the second time it is told what may do that', async () => {
  const [sshd, echo] = await Promise.all([each.sshd({ config: { UnusedConnectionTimeout: '2s' } }), each.add(startEcho())]);
  const reconnect = { min: '10ms', max: '50ms' };
  const tunnels = { back: { type: 'remote', host: 'bastion', ingress: 0, egress: at(echo) } };
  const up = each.project({ yaml: { hosts: { bastion: hostEntry(sshd, { reconnect }) }, tunnels } }).up();
  await up.untilOpen(['back']);
  const losses = () => up.events().filter((event) => event.subject?.name === 'bastion' && event.to === 'backoff');
  await until(() => losses().length >= 3, { what: 'three losses', ms: 20_000 });
  const hints = losses().map((event) => (event['failure'] as { hint: string }).hint);
  expect(hints[0]).toBe('it is tried again');
  expect(hints.slice(1).every((hint) => hint.includes('is UnusedConnectionTimeout set in sshd_config of bastion?'))).toBe(true);
});
