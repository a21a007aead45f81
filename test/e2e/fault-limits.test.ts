/** What a program does at its limits (FACTS, "Faults"): out of descriptors, 10,000 connections on one tunnel, 1,000 readers that stall. */
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { startChild } from '../helpers/child.ts';
import { figure } from '../helpers/figure.ts';
import { hostEntry } from '../helpers/project.ts';
import { descriptorLimit, openDescriptors, residentBytes } from '../helpers/process-figures.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { dial, exchange, startEcho, startSource, startStalled, type Service } from '../helpers/services.ts';
import { sleep, until } from '../helpers/wait.ts';

const each = scene(afterEach);
const MIB = 1024 * 1024;

/** Dials with `lanes` dials under way at a time; what could not be dialled is left out. */
async function dialMany(port: number, count: number, lanes = 64): Promise<Socket[]> {
  const sockets: Socket[] = [];
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const socket = await dial(port, 30_000).catch(() => null);
      if (socket === null) continue;
      socket.on('error', () => undefined);
      sockets.push(socket);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  each.onEnd(() => sockets.forEach((socket) => socket.destroy()));
  return sockets;
}

/**
 * Where thousands of connections are full: what the kernel holds for a TCP one is megabytes, which would have to be filled first, and past
 * net.ipv4.tcp_mem every other connection of the machine has windows of four packets and loses most of what it sends.
 */
function unixPath(): string {
  const dir = scratch('full');
  each.onEnd(() => remove(dir));
  return join(dir, 's');
}

async function joined(path: string): Promise<Socket> {
  const socket = connect({ path }).on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return socket;
}

/** Until it has not grown by so much in so many looks on end, a minute at most; the most that it was. */
async function grownNoMore(
  bytes: () => number,
  { by, looks, every }: { readonly by: number; readonly looks: number; readonly every: number },
) {
  let [most, had, still] = [bytes(), bytes(), 0];
  for (let ms = 0; ms < 60_000 && still < looks; ms += every) {
    await sleep(every);
    const has = bytes();
    most = Math.max(most, has);
    still = has > had + by ? 0 : still + 1;
    if (still === 0) had = has;
  }
  return most;
}

/** Whether what is sent comes back. */
function answered(socket: Socket, text: string, ms = 60_000): Promise<boolean> {
  return new Promise((resolve) => {
    let got = '';
    const timer = setTimeout(() => resolve(false), ms);
    const settle = (whether: boolean): void => {
      clearTimeout(timer);
      resolve(whether);
    };
    socket.on('data', (data) => {
      got += String(data);
      if (got.length >= text.length) settle(got === text);
    });
    socket.once('close', () => settle(false));
    socket.write(text);
  });
}

/** An echo in a process of its own: both ends of 10,000 connections would be too many descriptors for one. */
async function startEchoApart(): Promise<Pick<Service, 'host' | 'port'> & { stop(): Promise<void> }> {
  const script = `const s = require('node:net').createServer((c) => c.on('error', () => {}).pipe(c));
    s.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(s.address().port));`;
  const child = startChild(process.execPath, ['-e', script]);
  const port = await until(() => Number(child.stdout()), { what: 'the echo to listen' });
  return { host: '127.0.0.1', port, stop: async () => void (await child.stop()) };
}

it('out of file descriptors: new clients are refused, what is open goes on, a lost host is not given up, and afterwards all is as before', async () => {
  const [busy, other, echo] = await Promise.all([each.sshd({ name: 'busy' }), each.sshd({ name: 'other' }), each.add(startEcho())]);
  const tunnel = (host: string) => ({ type: 'local', host, ingress: 0, egress: at(echo) });
  const reconnect = { min: '100ms', max: '500ms' };
  const project = each.project({
    yaml: {
      hosts: { busy: hostEntry(busy), other: hostEntry(other, { reconnect }) },
      tunnels: { echo: tunnel('busy'), beside: tunnel('other') },
    },
    // What the program may have open: enough to come up with, and for some clients.
    within: ['sh', '-c', 'ulimit -n 80; exec "$@"', 'sh'],
  });
  const up = project.up();
  await up.untilOpen(['echo', 'beside']);
  const port = up.port('echo');
  const first = await dial(port);
  expect(await answered(first, 'first', 2_000)).toBe(true);
  const before = openDescriptors(up.pid);
  const clients = await dialMany(port, 200, 20);
  expect(await answered(first, 'there?', 2_000)).toBe(true);
  const served = (await Promise.all(clients.map((socket) => answered(socket, 'there?', 1_000)))).filter(Boolean).length;
  figure('out of descriptors (80), served of 200', served, { unit: 'clients' });
  expect(served).toBeGreaterThan(10);
  expect(served).toBeLessThan(80);
  expect(up.state('echo')).toBe('open');
  await up.untilEvent((event) => event.type === 'warning' && String(event['message']).startsWith('file descriptors have run out'));
  other.signalSessions('SIGKILL');
  await up.untilEvent((event) => event.subject?.name === 'beside' && event.to === 'reconnecting');
  // The descriptor that came free with the connection goes to the next client in the queue.
  const more = await dialMany(port, 100, 20);
  await sleep(1_500);
  expect(up.events().filter((event) => event.to === 'failed')).toEqual([]);
  for (const socket of [...clients, ...more]) socket.destroy();
  const from = performance.now();
  await until(() => echoes(port).catch(() => false), { what: 'a client to be served again', ms: 10_000, every: 50 });
  figure('out of descriptors, served again after the others left', performance.now() - from);
  await up.untilOpen(['echo', 'beside']);
  figure('out of descriptors, a lost host connected again', performance.now() - from);
  await echoes(up.port('beside'));
  await until(() => openDescriptors(up.pid) <= before + 1, { what: 'the descriptors to be given back', ms: 10_000 });
  first.destroy();
});

it('10,000 connections on one tunnel, or as many as this machine lets one process have', async () => {
  const [sshd, echo] = await Promise.all([each.sshd({ logLevel: 'VERBOSE' }), each.add(startEchoApart())]);
  const tunnel = { type: 'local', host: 'bastion', ingress: 0, egress: at(echo), max_connections: 20_000 };
  const project = each.project({ yaml: { hosts: { bastion: hostEntry(sshd) }, tunnels: { echo: tunnel } } });
  const up = project.up();
  await up.untilOpen(['echo']);
  const port = up.port('echo');
  const rss = residentBytes(up.pid);
  const wanted = Math.min(10_000, descriptorLimit() - 500);
  let from = performance.now();
  const sockets = await dialMany(port, wanted);
  await until(() => openDescriptors(up.pid) >= wanted, { what: 'all to be accepted', ms: 30_000, every: 100 });
  figure(`${wanted} connections, made`, performance.now() - from);
  from = performance.now();
  const answers = await Promise.all(sockets.map((socket, index) => answered(socket, `connection ${index}`)));
  figure(`${wanted} connections, each answered`, performance.now() - from);
  figure(`${wanted} connections, memory of the program more`, (residentBytes(up.pid) - rss) / MIB, { unit: 'MiB' });
  expect(answers.filter(Boolean)).toHaveLength(wanted);
  for (const socket of sockets) socket.destroy();
  await until(() => openDescriptors(up.pid) < 100, { what: 'all to be closed', ms: 30_000, every: 100 });
  await echoes(port);
});

it('1,000 clients that send while the server is frozen: they are held back, and memory stays bounded', async () => {
  const [path, far] = [unixPath(), unixPath()];
  const [sshd] = await Promise.all([each.sshd(), each.add(startStalled({ path: far }))]);
  const project = each.project({
    yaml: {
      hosts: { bastion: hostEntry(sshd, { keepalive: { interval: '60s' } }) },
      tunnels: { sink: { type: 'local', host: 'bastion', ingress: path, egress: far } },
    },
  });
  const up = project.up();
  await up.untilOpen(['sink']);
  const sockets: Socket[] = [];
  each.onEnd(() => sockets.forEach((socket) => socket.destroy()));
  for (let count = 0; count < 1_000; count += 1) sockets.push(await joined(path));
  await until(() => openDescriptors(up.pid) >= 1_000, { what: 'all to be accepted', ms: 30_000, every: 50 });
  const before = residentBytes(up.pid);
  sshd.signalSessions('SIGSTOP');
  const piece = Buffer.alloc(MIB);
  for (const socket of sockets) socket.write(piece);
  let most = 0;
  for (let look = 0; look < 20; look += 1) {
    await sleep(100);
    most = Math.max(most, residentBytes(up.pid) - before);
  }
  // Without backpressure it would be all of it: 1,000 MiB.
  expect(figure('1,000 senders to a frozen server, memory of the program more', most / MIB, { unit: 'MiB', limit: 600 })).toBeLessThan(600);
  expect(up.state('sink')).toBe('open');
  sshd.signalSessions('SIGCONT');
});

it('1,000 readers that stall cost bounded memory together, and one who reads is served beside them', async () => {
  const readers = 1_000;
  const [path, far] = [unixPath(), unixPath()];
  const [sshd, source, echo] = await Promise.all([
    each.sshd(),
    each.add(startSource({ path: far, bytes: 64 * MIB })),
    each.add(startEcho()),
  ]);
  const project = each.project({
    yaml: {
      hosts: { bastion: hostEntry(sshd) },
      tunnels: {
        source: { type: 'local', host: 'bastion', ingress: path, egress: far, max_connections: 2_000 },
        echo: { type: 'local', host: 'bastion', ingress: 0, egress: at(echo) },
      },
    },
  });
  const up = project.up();
  await up.untilOpen(['source', 'echo']);
  const before = residentBytes(up.pid);
  const growth = (): number => residentBytes(up.pid) - before;
  let most = 0;
  const sockets: Socket[] = [];
  each.onEnd(() => sockets.forEach((socket) => socket.destroy()));
  // In steps, each until it is full: sshd copies its whole backlog for every packet that it adds, so of a thousand that fill at once it moves 2 MB a second.
  while (sockets.length < readers) {
    for (let count = 0; count < 25; count += 1) sockets.push((await joined(path)).pause());
    await until(() => source.open >= sockets.length, { what: `${sockets.length} to be joined to the source`, ms: 60_000, every: 20 });
    most = Math.max(most, await grownNoMore(growth, { by: MIB / 16, looks: 4, every: 50 }));
  }
  most = Math.max(most, await grownNoMore(growth, { by: MIB, looks: 20, every: 100 }));
  figure(`${readers} readers that stall, memory of the program more, for each`, most / 1024 / readers, { unit: 'KiB' });
  // Without a bound it would be all of it: 64,000 MiB.
  expect(figure(`${readers} readers that stall, memory of the program more`, most / MIB, { unit: 'MiB', limit: 1_024 })).toBeLessThan(
    1_024,
  );
  expect((await exchange(up.port('echo'), 'served', 20_000)).toString()).toBe('served');
}, 240_000);
