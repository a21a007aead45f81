/** B5 and hot reload: only what changed is touched, and open connections live on. */
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { hostEntry, type Project, type Up } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { collect, dial, startEcho, startWww, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let second: Sshd;
let echo: Service;
let blue: Service;
let green: Service;

beforeAll(async () => {
  [bastion, second, echo, blue, green] = await Promise.all([
    all.sshd({ name: 'bastion' }),
    all.sshd({ name: 'second' }),
    all.add(startEcho()),
    all.add(startWww({ page: 'blue' })),
    all.add(startWww({ page: 'green' })),
  ]);
});

const yaml = (tunnels: Record<string, unknown>, host = bastion): Record<string, unknown> => ({
  hosts: { bastion: hostEntry(host) },
  tunnels,
});
const local = (ingress: number, service: Service, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  type: 'local',
  host: 'bastion',
  ingress,
  egress: at(service),
  ...more,
});
const remote = (ingress: number, service: Service): Record<string, unknown> => ({ ...local(ingress, service), type: 'remote' });

/** Saves, and waits until that was applied; gives its event. */
async function save(made: Project, up: Up, content: Record<string, unknown>) {
  const seen = up.events().length;
  const saved = Date.now();
  made.write(content);
  const applied = await up.untilEvent((event) => event.type === 'applied', 5_000, seen);
  return { plan: String(applied['plan']), took: Number(applied['at']) - saved, seen };
}

/** An open connection to the echo: `says` proves that it still is one. */
async function talking(port: number): Promise<Socket> {
  const socket = await dial(port);
  each.onEnd(() => socket.destroy());
  socket.on('error', () => undefined);
  await says(socket, 'hello');
  return socket;
}
async function says(socket: Socket, text: string): Promise<void> {
  const back = new Promise<string>((resolve, reject) => {
    socket.once('data', (data) => resolve(data.toString()));
    socket.once('close', () => reject(new Error('closed')));
  });
  socket.write(text);
  expect(await back).toBe(text);
}
const page = async (port: number): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();

describe('B5: a forwarding is added to a live connection', () => {
  it('and another one taken away; the others keep their listeners, their connections and the one to the host', async () => {
    const before = bastion.connections().authenticated;
    const [near, far] = await Promise.all([freePort(), freePort()]);
    const old = { near: local(near, echo), far: remote(far, echo) };
    const made = each.project({ yaml: yaml(old) });
    const up = made.up();
    await up.untilOpen(['near', 'far']);
    const open = await Promise.all([talking(near), talking(far)]);

    const added = await save(made, up, yaml({ ...old, blue: local(0, blue), 'far-blue': remote(0, blue) }));
    expect(added.plan.split('\n').sort()).toEqual(['+ tunnel blue', '+ tunnel far-blue']);
    await up.untilOpen(['blue', 'far-blue']);
    expect(await page(up.port('blue'))).toBe('blue');
    expect(await page(up.port('far-blue'))).toBe('blue');

    const removedPort = up.port('blue');
    const removed = await save(made, up, yaml({ ...old, 'far-blue': remote(0, blue) }));
    expect(removed.plan).toBe('- tunnel blue');
    await until(() => up.state('blue') === 'closed', { what: 'blue to be closed' });
    await expect(dial(removedPort)).rejects.toThrow('ECONNREFUSED');

    for (const socket of open) await says(socket, 'still here');
    const moved = up
      .events()
      .slice(added.seen)
      .filter((event) => ['near', 'far', 'bastion'].includes(event.subject?.name ?? '') && event.to !== undefined);
    expect(moved).toEqual([]);
    expect(bastion.connections().authenticated - before).toBe(1);
  });
});

describe('a changed tunnel', () => {
  it('egress: is retargeted behind the open listener; the open connection stays with the old one', async () => {
    const [near, far] = await Promise.all([freePort(), freePort()]);
    const made = each.project({ yaml: yaml({ near: local(near, echo), far: remote(far, echo) }) });
    const up = made.up();
    await up.untilOpen(['near', 'far']);
    const open = await Promise.all([talking(near), talking(far)]);
    const { plan, seen } = await save(made, up, yaml({ near: local(near, blue), far: remote(far, blue) }));
    expect(plan).toContain(`~ tunnel near: egress ${at(echo)} → ${at(blue)} (retarget)`);
    expect(plan).toContain(`~ tunnel far: egress ${at(echo)} → ${at(blue)} (retarget)`);
    for (const port of [near, far]) expect(await page(port)).toBe('blue');
    for (const socket of open) await says(socket, 'still with the echo');
    const after = up.events().slice(seen);
    expect(after.filter((event) => event.type === 'retargeted').map((event) => [event.subject?.name, event['egress']])).toEqual([
      ['near', at(blue)],
      ['far', at(blue)],
    ]);
    // No listener was closed, not even for a moment.
    expect(after.filter((event) => event.type === 'tunnel-state')).toEqual([]);
    for (const socket of open) {
      const rest = collect(socket);
      socket.end('bye');
      expect((await rest).toString()).toBe('bye');
    }
  });

  it('ingress: moves to the new port, the old one is refused at once, its open connections finish', async () => {
    const [from, to, farFrom, farTo] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const made = each.project({ yaml: yaml({ near: local(from, echo), far: remote(farFrom, echo), bystander: local(0, blue) }) });
    const up = made.up();
    await up.untilOpen(['near', 'far', 'bystander']);
    const open = await Promise.all([talking(from), talking(farFrom)]);
    const { plan, seen } = await save(made, up, yaml({ near: local(to, echo), far: remote(farTo, echo), bystander: local(0, blue) }));
    expect(plan).toContain(`~ tunnel near: ingress localhost:${from} → localhost:${to} (reopen)`);
    for (const name of ['near', 'far']) await up.untilEvent((event) => event.subject?.name === name && event.to === 'open', 5_000, seen);
    await echoes(to);
    await echoes(farTo);
    for (const port of [from, farFrom]) await expect(dial(port)).rejects.toThrow('ECONNREFUSED');
    for (const socket of open) {
      await says(socket, 'still here');
      const rest = collect(socket);
      socket.end('bye');
      expect((await rest).toString()).toBe('bye');
    }
    expect(await page(up.port('bystander'))).toBe('blue');
  });

  it('two swap their ports', async () => {
    const [one, two] = await Promise.all([freePort(), freePort()]);
    const made = each.project({ yaml: yaml({ blue: local(one, blue), green: local(two, green) }) });
    const up = made.up();
    await up.untilOpen(['blue', 'green']);
    const { seen } = await save(made, up, yaml({ blue: local(two, blue), green: local(one, green) }));
    for (const name of ['blue', 'green']) await up.untilEvent((event) => event.subject?.name === name && event.to === 'open', 5_000, seen);
    expect([await page(one), await page(two)]).toEqual(['green', 'blue']);
  });

  it('type: the same port goes from a forward to a proxy', async () => {
    const port = await freePort();
    const made = each.project({ yaml: yaml({ near: local(port, blue) }) });
    const up = made.up();
    await up.untilOpen(['near']);
    expect(await page(port)).toBe('blue');
    const { seen } = await save(made, up, yaml({ near: { type: 'dynamic', host: 'bastion', ingress: port } }));
    await up.untilEvent((event) => event.subject?.name === 'near' && event.to === 'open', 5_000, seen);
    const socket = await dial(port);
    const answer = collect(socket);
    socket.write(`CONNECT ${at(green)} HTTP/1.1\r\nHost: ${at(green)}\r\n\r\n`);
    socket.end('GET / HTTP/1.0\r\n\r\n');
    expect((await answer).toString()).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\ngreen$/);
  });
});

describe('a changed host', () => {
  it('moved to another server: new connections go there, the old connection retires once its last channel has ended', async () => {
    const port = await freePort();
    const far = await freePort();
    const before = second.connections().authenticated;
    const tunnels = { near: local(port, echo), far: remote(far, echo) };
    const made = each.project({ yaml: yaml(tunnels) });
    const up = made.up();
    await up.untilOpen(['near', 'far']);
    const [open, farOpen] = await Promise.all([talking(port), talking(far)]);
    const { plan, seen } = await save(made, up, yaml(tunnels, second));
    expect(plan).toMatch(new RegExp(`~ host bastion: .*port ${bastion.port} → ${second.port}.* \\(reopen\\)`));
    for (const name of ['near', 'far']) await up.untilEvent((event) => event.subject?.name === name && event.to === 'open', 10_000, seen);
    expect(second.connections().authenticated - before).toBe(1);
    await echoes(port);
    await echoes(far);
    expect(bastion.connections().live).toBe(1);
    await says(open, 'still over the old one');
    await says(farOpen, 'this one too');
    for (const socket of [open, farOpen]) {
      const rest = collect(socket);
      socket.end('bye');
      expect((await rest).toString()).toBe('bye');
    }
    await until(() => bastion.connections().live === 0, { what: 'the old connection to retire', ms: 5_000 });
    await echoes(port);
    await echoes(far);
  });

  it('a host that is no longer needed is left, a new one is dialled', async () => {
    const made = each.project({ yaml: yaml({ near: local(0, echo) }) });
    const up = made.up();
    await up.untilOpen(['near']);
    const hosts = { bastion: hostEntry(bastion), second: hostEntry(second) };
    const { plan } = await save(made, up, { hosts, tunnels: { there: { ...local(0, echo), host: 'second' } } });
    expect(plan.split('\n').sort()).toEqual(['+ host second', '+ tunnel there', '- host bastion', '- tunnel near']);
    await up.untilOpen(['there']);
    await echoes(up.port('there'));
    await until(() => bastion.connections().live === 0, { what: 'the bastion to be left', ms: 5_000 });
  });

  it('one that failed is tried again when the file is saved', async () => {
    const wrong = 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    const tunnels = { near: local(0, echo), there: { ...local(0, echo), host: 'second' } };
    const made = each.project({
      yaml: { hosts: { bastion: hostEntry(bastion), second: hostEntry(second, { host_key: wrong }) }, tunnels },
    });
    const up = made.up();
    await up.untilOpen(['near']);
    await up.untilEvent((event) => event.subject?.name === 'second' && event.to === 'failed');
    const open = await talking(up.port('near'));
    await save(made, up, { hosts: { bastion: hostEntry(bastion), second: hostEntry(second) }, tunnels });
    await up.untilOpen(['there']);
    await echoes(up.port('there'));
    await says(open, 'untouched');
  });
});
