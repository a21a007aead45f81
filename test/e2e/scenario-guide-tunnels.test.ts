/** The guide to SSH tunnels, G1 to G5: one tunnel, or several to one host, through the program and a real sshd. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { check } from '../helpers/child.ts';
import { freePort } from '../helpers/free-port.ts';
import { createProject, hostEntry, type Project, type Up } from '../helpers/project.ts';
import { bytes, dial, exchange, PAGE, type Service, startEcho, startMail, startWww } from '../helpers/services.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';
import { sleep, until } from '../helpers/wait.ts';

let bastion: Sshd;
let www: Service;
let echo: Service;
let project: Project | undefined;
const services: Service[] = [];

beforeAll(async () => {
  // At DEBUG sshd tells what it is asked to connect to, in the words of the client.
  [bastion, www, echo] = await Promise.all([startSshd({ name: 'bastion', logLevel: 'DEBUG' }), startWww(), startEcho()]);
});
afterAll(async () => {
  await Promise.all([bastion.stop(), www.stop(), echo.stop()]);
});
afterEach(async () => {
  await project?.remove();
  for (const service of services.splice(0)) await service.stop();
});

const keep = async (starting: Promise<Service>): Promise<Service> => {
  const service = await starting;
  services.push(service);
  return service;
};

/** Brings the tunnels up, of the host `bastion`; every one must open. */
async function up(tunnels: Readonly<Record<string, unknown>>, host: Readonly<Record<string, unknown>> = {}): Promise<Up> {
  project = createProject({ yaml: { hosts: { bastion: hostEntry(bastion, host) }, tunnels } });
  const running = project.up();
  await running.untilOpen(Object.keys(tunnels));
  return running;
}

const page = async (port: number, path = '/'): Promise<string> => (await fetch(`http://localhost:${port}${path}`)).text();
const MEGABYTES = bytes(3 << 20);

test('G1: a local tunnel gives what a direct fetch gives, from the tunnel host and from past it', async () => {
  const past = await keep(startWww({ host: '127.0.0.7', page: 'past the tunnel host' }));
  const [a, b, c] = [await freePort(), await freePort(), await freePort()];
  const running = await up({
    'on-host': `-L ${a}:localhost:${www.port} bastion`,
    past: `ssh -N -L ${b}:127.0.0.7:${past.port} bastion`,
    both: { type: 'local', host: 'bastion', ingress: c, egress: `localhost:${echo.port}` },
  });
  expect(await page(a)).toBe(await page(www.port));
  expect(await page(a)).toBe(PAGE);
  expect(await page(b)).toBe('past the tunnel host');
  // IPv4 and IPv6, both where `localhost` is.
  for (const host of ['127.0.0.1', '::1']) expect((await exchange({ host, port: c }, MEGABYTES)).equals(MEGABYTES)).toBe(true);
  expect(await running.stop()).toMatchObject({ code: 0 });
  await expect(dial(a)).rejects.toThrow(/ECONNREFUSED/);
});

test('G2: a remote tunnel opens a port on the host that comes out at a service of this machine', async () => {
  const [a, b] = [await freePort(), await freePort()];
  const running = await up({
    www: `-R ${a}:localhost:${www.port} bastion`,
    both: { type: 'remote', host: 'bastion', ingress: b, egress: `localhost:${echo.port}` },
  });
  expect(bastion.log()).toMatch(new RegExp(`Local forwarding listening on 127\\.0\\.0\\.1 port ${a}\\.`));
  expect(await page(a)).toBe(PAGE);
  expect((await exchange(b, MEGABYTES)).equals(MEGABYTES)).toBe(true);
  expect(await running.stop()).toMatchObject({ code: 0 });
  await expect(dial(a)).rejects.toThrow(/ECONNREFUSED/);
});

test('G3: one dynamic port speaks SOCKS4, 4a, 5 and HTTP CONNECT, and names go to the far end unresolved', async () => {
  const port = await freePort();
  await up({ proxy: `-D ${port} bastion` });
  for (const [how, asked] of [
    ['--socks4', '127.0.0.1'],
    ['--socks4a', 'localhost'],
    ['--socks5', '127.0.0.1'],
    ['--socks5-hostname', 'localhost'],
    ['-px', 'localhost'],
  ] as const) {
    const from = bastion.log().length;
    // -4, for the two that resolve here.
    expect(await check('curl', ['-sS', '-4', '--max-time', '10', how, `localhost:${port}`, `http://localhost:${www.port}/`])).toBe(PAGE);
    await bastion.waitForLog(new RegExp(`server_request_direct_tcpip: .*target ${asked} port ${www.port}`), 2_000, from);
  }
});

test('G4: a line protocol through a connection that was idle for many keepalive intervals', async () => {
  const mail = await keep(startMail());
  const running = await up(
    { imap: { type: 'local', host: 'bastion', ingress: 0, egress: `localhost:${mail.port}` } },
    { keepalive: { interval: '250ms', count: 2 } },
  );
  const socket = await dial(running.port('imap'));
  try {
    let said = '';
    socket.setEncoding('utf8').on('data', (text) => (said += String(text)));
    const says = (text: string): Promise<unknown> => until(() => said.includes(text), { what: `${text} from the mail server` });
    await says('* OK mail-server ready\r\n');
    socket.write('a1 LOGIN user word\r\n');
    await says('a1 OK LOGIN\r\n');
    const from = bastion.log().length;
    await sleep(2_500);
    const keepalives =
      bastion
        .log()
        .slice(from)
        .match(/rtype keepalive@openssh\.com/g) ?? [];
    expect(keepalives.length).toBeGreaterThanOrEqual(7);
    socket.write('a2 SELECT INBOX\r\n');
    await says('a2 OK SELECT\r\n');
    socket.write('a3 LOGOUT\r\n');
    await says('* BYE\r\na3 OK LOGOUT\r\n');
    expect(mail.accepted).toBe(1);
    expect(running.events().filter((event) => event.to === 'reconnecting')).toEqual([]);
  } finally {
    socket.destroy();
  }
});

test('G5: two tunnels to one bastion are two services on one SSH connection', async () => {
  const before = bastion.connections();
  const [http, https] = [await freePort(), await freePort()];
  const running = await up({
    http: { type: 'local', host: 'bastion', ingress: http, egress: `localhost:${www.port}` },
    https: { type: 'local', host: 'bastion', ingress: https, egress: `localhost:${echo.port}` },
  });
  const [text, echoed] = await Promise.all([page(http), exchange(https, MEGABYTES)]);
  expect(text).toBe(PAGE);
  expect(echoed.equals(MEGABYTES)).toBe(true);
  const { accepted, authenticated, live } = bastion.connections();
  expect({ accepted: accepted - before.accepted, authenticated: authenticated - before.authenticated, live }).toEqual({
    accepted: 1,
    authenticated: 1,
    live: 1,
  });
  await running.stop();
  await until(() => bastion.connections().live === 0, { what: 'the bastion to be left' });
});
