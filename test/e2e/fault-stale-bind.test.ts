/** A port or a socket on a host that a dead session of ours still holds (issue: "The stale -R port"), on machines of their own. */
import { existsSync, lstatSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { tcp, unix } from '../../src/core/address.ts';
import { figure } from '../helpers/figure.ts';
import { hostAt, startEngine, type RunningEngine } from '../helpers/engine-on.ts';
import { type Machines, machinesAvailable, startMachines } from '../helpers/machines.ts';
import type { PrintedEvent } from '../helpers/project.ts';
import { failureOf, scene } from '../helpers/scene.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { exchange, startEcho } from '../helpers/services.ts';
import { project, tunnelSpec } from '../helpers/spec.ts';
import type { Sshd, SshdOptions } from '../helpers/sshd.ts';
import { sleep, until } from '../helpers/wait.ts';

const each = scene(afterEach);
const BASTION = 'bastion.example.com';
const yaml = (interval: string) => ({
  hosts: { [BASTION]: { user: 'deploy', keepalive: { interval, count: 2 }, reconnect: { min: '100ms', max: '500ms' } } },
  tunnels: { back: { type: 'remote', host: BASTION, ingress: 9100, egress: 'localhost:8000' } },
});

async function machines(interval: string, config: SshdOptions['config'] = {}): Promise<Machines> {
  const made = await each.add(
    startMachines({ links: [['you', BASTION]], sshds: { [BASTION]: { config } }, services: { you: ['http:8000'] } }),
  );
  made.project.write(yaml(interval));
  return made;
}
const answers = async (made: Machines): Promise<void> => {
  expect(await made.curl(BASTION, 'http://127.0.0.1:9100/')).not.toBe('');
};
const refusals = (made: Machines): number =>
  made
    .sshd(BASTION)
    .log()
    .match(/bind \[.*\]:9100: Address already in use/g)?.length ?? 0;

/**
 * Nothing may be under way when the link goes: what the server still has to send would tell it that the session is dead as soon as the link is
 * back, and there would be nothing to evict.
 */
const QUIET = '30s';
const cut = async (made: Machines): Promise<void> => {
  const unsent = async (): Promise<string> => (await made.run(BASTION, 'ss', ['-tnH', 'state', 'established', 'sport', '=', ':22'])).stdout;
  await sleep(200);
  await until(async () => /^\s*0\s+0\s/.test(await unsent()), { what: 'everything to be acknowledged', every: 50 });
  await made.setLink('you', BASTION, 'down');
};

/** The kernel of `you` forgets its connections to sshd, as after a power cut, and nobody tells the server. */
async function forget(made: Machines): Promise<void> {
  const sockets = async (): Promise<string> => (await made.run('you', 'ss', ['-tanH', 'dport', '=', ':22'])).stdout;
  await until(async () => !(await sockets()).includes('ESTAB'), { what: 'the connection to be no longer held by the program', every: 50 });
  await made.run('you', 'ss', ['-K', 'dport', '=', ':22']);
  // A kernel that cannot be asked to gives up on it by itself.
  await until(async () => (await sockets()) === '', { what: 'the kernel to have forgotten the connection', ms: 15_000, every: 50 });
  expect(made.sshd(BASTION).connections().live).toBe(1);
}

describe.runIf(machinesAvailable())('a remote port that a dead session of ours holds', () => {
  it('after a run that was killed while the link was down: touching the port evicts it', async () => {
    const made = await machines(QUIET);
    const first = made.project.up();
    await first.untilOpen(['back']);
    await cut(made);
    await first.stop('SIGKILL');
    await forget(made);
    await made.setLink('you', BASTION, 'up');
    const from = performance.now();
    const second = made.project.up();
    await second.untilOpen(['back'], 20_000);
    figure('stale port after a killed run, open', performance.now() - from);
    expect(refusals(made)).toBeGreaterThan(0);
    await answers(made);
  });

  it('after a lost link: it is known to be ours, evicted, and open again', async () => {
    const made = await machines(QUIET);
    const up = made.project.up();
    await up.untilOpen(['back']);
    await cut(made);
    await up.untilEvent((event) => event.subject?.name === 'back' && event.to === 'reconnecting');
    await forget(made);
    await made.setLink('you', BASTION, 'up');
    const from = performance.now();
    const held = await up.untilEvent((event) => event.subject?.name === 'back' && /still held/.test(messageOf(event)), 20_000);
    expect(held).toMatchObject({ to: 'reconnecting', failure: { message: expect.stringMatching(/sshd is made to look/) } });
    await up.untilOpen(['back'], 20_000);
    figure('stale port after a lost link, open', performance.now() - from);
    expect(refusals(made)).toBeGreaterThan(0);
    await answers(made);
  });

  it('after a change of address: it is said whose it is and what frees it, and ClientAliveInterval does', async () => {
    const made = await machines('300ms', { ClientAliveInterval: 1, ClientAliveCountMax: 2 });
    const up = made.project.up();
    await up.untilOpen(['back']);
    await made.readdress('you', BASTION);
    const from = performance.now();
    await up.untilEvent(
      (event) =>
        event.subject?.name === 'back' &&
        event.to !== 'open' &&
        /probably by our own session that was lost \d+ s ago$/.test(messageOf(event)),
    );
    figure('address changed, the stale port is told', performance.now() - from);
    expect(failureOf(up, 'back')?.message).toMatch(
      /^port 9100 on bastion\.example\.com is still held, probably by our own session that was lost \d+ s ago$/,
    );
    expect(failureOf(up, 'back')?.hint).toMatch(/The address this machine had then is gone.*ClientAliveInterval/);
    await up.untilOpen(['back'], 30_000);
    figure('address changed, the stale port freed by ClientAlive (1 s, twice) and open', performance.now() - from);
    await answers(made);
  });
});

const messageOf = (event: PrintedEvent): string => (event['failure'] as { message: string } | null | undefined)?.message ?? '';

describe('a unix socket on a host with a default sshd_config, which leaves its file behind', () => {
  interface Back {
    readonly path: string;
    readonly sshd: Sshd;
    readonly running: RunningEngine;
    answers(): Promise<string>;
  }
  async function back(config: SshdOptions['config'] = {}): Promise<Back> {
    const dir = scratch('stale');
    each.onEnd(() => remove(dir));
    const path = join(dir, 'a socket');
    const [sshd, echo] = await Promise.all([each.sshd({ config }), each.add(startEcho())]);
    const running = startEngine();
    each.onEnd(() => running.engine.stop(0));
    const reconnect = { minMs: 50, maxMs: 500, attempts: null };
    const tunnel = tunnelSpec('back', { type: 'remote', ingress: unix(path), egress: tcp('localhost', echo.port) });
    running.apply(project([hostAt(sshd, { name: 'bastion', reconnect })], [tunnel]));
    await running.open();
    return { path, sshd, running, answers: async () => (await exchange({ path }, 'hello')).toString() };
  }

  it('is removed when our session was lost, and bound again', async () => {
    const { sshd, running, answers } = await back();
    const from = performance.now();
    sshd.signalSessions('SIGKILL');
    await until(() => running.state('back') !== 'open', { what: 'the loss to be noticed', every: 1 });
    await running.open();
    figure('killed session, its unix socket bound again', performance.now() - from);
    expect(await answers()).toBe('hello');
  });

  it('is removed though the tunnel was stopped and started while its host was down', async () => {
    const { path, sshd, running, answers } = await back();
    await sshd.halt();
    await until(() => running.state('back') !== 'open', { what: 'the loss to be noticed', every: 1 });
    await running.engine.halt(['back'], 0);
    running.engine.resume(['back']);
    expect(existsSync(path)).toBe(true);
    await sshd.restart();
    await running.open();
    expect(await answers()).toBe('hello');
  });

  it('is removed when the tunnel is closed, and can be bound by the next', async () => {
    const { path, running, answers } = await back();
    await running.engine.halt(['back'], null);
    expect(existsSync(path)).toBe(false);
    running.engine.resume(['back']);
    await running.open();
    expect(await answers()).toBe('hello');
  });

  it.each<[string, (path: string) => Promise<unknown> | void]>([
    ['a service that listens there by now', async (path) => each.add(startEcho({ path }))],
    ['a file that is no socket', (path) => writeFileSync(path, 'kept')],
    ['a link', (path) => symlinkSync('/dev/null', path)],
  ])('%s is left alone', async (_, replace) => {
    const { path, running } = await back();
    rmSync(path);
    await replace(path);
    await running.engine.halt(['back'], null);
    expect(lstatSync(path)).toBeDefined();
  });

  it('is said to be ours where the account may not run commands; once it is removed the tunnel opens', async () => {
    const { path, sshd, running, answers } = await back({ ForceCommand: '/bin/false' });
    sshd.signalSessions('SIGKILL');
    const failing = () => running.engine.snapshot().tunnels[0]?.error ?? null;
    await until(() => failing()?.code === 'remote-forward-denied', { what: 'the socket file to be in the way', ms: 10_000 });
    expect(failing()).toMatchObject({ hint: expect.stringMatching(/a file left there is in the way \(StreamLocalBindUnlink\)/) });
    rmSync(path);
    await running.open();
    expect(await answers()).toBe('hello');
  });
});
