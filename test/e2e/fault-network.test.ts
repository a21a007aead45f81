/** Faults of the network itself, between machines of their own (FACTS, "Faults"): bytes that vanish, another address, another way. */
import { afterEach, describe, expect, it } from 'vitest';
import { figure } from '../helpers/figure.ts';
import { type Machines, machinesAvailable, startMachines } from '../helpers/machines.ts';
import type { Up } from '../helpers/project.ts';
import { scene } from '../helpers/scene.ts';
import { sleep } from '../helpers/wait.ts';

const each = scene(afterEach);
const BASTION = 'bastion.example.com';
const PAGE = 'http://127.0.0.1:8080/';
const tunnels = { web: { type: 'local', host: BASTION, ingress: 8080, egress: 'localhost:8000' } };

const warned = (up: Up, text: string, from: number) =>
  up.untilEvent((event) => event.type === 'warning' && String(event['message']).startsWith(text), 5_000, from);
const opened = (up: Up, from: number) => up.untilEvent((event) => event.subject?.name === 'web' && event.to === 'open', 10_000, from);

describe.runIf(machinesAvailable())('on a machine whose network changes', () => {
  it('a cable is out: noticed within interval × (count + 1), not shown as open from then on, and open within a wait of its return', async () => {
    const made = await each.add(
      startMachines({ links: [['you', BASTION]], sshds: { [BASTION]: {} }, services: { [BASTION]: ['http:8000'] } }),
    );
    const hosts = {
      [BASTION]: { user: 'deploy', keepalive: { interval: '500ms', count: 2 }, connect_timeout: '2s', reconnect: { max: '1s' } },
    };
    made.project.write({ hosts, tunnels });
    const up = made.project.up();
    await up.untilOpen(['web']);
    const page = await made.curl('you', PAGE);
    let seen = up.events().length;
    let from = performance.now();
    // The far end: this machine keeps its address and its route, and nothing tells it.
    await made.setLink(BASTION, 'you', 'down');
    await up.untilEvent((event) => event.subject?.name === 'web' && event.to === 'reconnecting', 5_000, seen);
    // A timer's lateness, and what it takes to print and read an event: less than one more interval.
    expect(figure('cable out, noticed', performance.now() - from, { limit: 1_500 })).toBeLessThan(1_950);
    seen = up.events().length;
    await sleep(4_000);
    expect(
      up
        .events()
        .slice(seen)
        .filter((event) => event.to === 'open' || event.to === 'connected'),
    ).toEqual([]);
    from = performance.now();
    await made.setLink(BASTION, 'you', 'up');
    await opened(up, seen);
    // A try that is under way when it comes back may last its 2 s, and the wait after it 1 s.
    expect(figure('cable in again, open', performance.now() - from, { limit: 3_000 })).toBeLessThan(4_500);
    expect(await made.curl('you', PAGE)).toBe(page);
  });

  it('another address: noticed without a keepalive, and open again from the new one', async () => {
    const made = await each.add(
      startMachines({ links: [['you', BASTION]], sshds: { [BASTION]: {} }, services: { [BASTION]: ['http:8000'] } }),
    );
    made.project.write({ hosts: { [BASTION]: { user: 'deploy', keepalive: { interval: '60s' } } }, tunnels });
    const up = made.project.up();
    await up.untilOpen(['web']);
    const page = await made.curl('you', PAGE);
    const seen = up.events().length;
    const from = performance.now();
    const address = await made.readdress('you', BASTION);
    await warned(up, 'the addresses of this machine changed', seen);
    figure('another address, noticed', performance.now() - from);
    await opened(up, seen);
    // A look a second, two seconds for the probe, and the way there.
    expect(figure('another address, open again', performance.now() - from, { limit: 4_500 })).toBeLessThan(4_500);
    expect(await made.curl('you', PAGE)).toBe(page);
    expect(made.sshd(BASTION).log()).toContain(`Connection from ${address} `);
  });

  it('another way with the same addresses: noticed without a keepalive, and open again by it', async () => {
    const made = await each.add(
      startMachines({
        links: [
          ['you', 'router-1', BASTION],
          ['you', 'router-2', BASTION],
        ],
        sshds: { [BASTION]: {} },
        services: { [BASTION]: ['http:8000'] },
      }),
    );
    await routed(made);
    const hosts = {
      [BASTION]: { hostname: SERVICE, user: 'deploy', host_key: made.sshd(BASTION).fingerprint, keepalive: { interval: '60s' } },
    };
    made.project.write({ hosts, tunnels });
    const up = made.project.up();
    await up.untilOpen(['web']);
    const page = await made.curl('you', PAGE);
    const seen = up.events().length;
    await made.run('router-1', 'sysctl', ['-qw', 'net.ipv4.ip_forward=0']);
    const from = performance.now();
    await must(made, 'you', ['route', 'replace', 'default', 'via', made.addressOf('router-2', 'you')]);
    await warned(up, 'the routes of this machine changed', seen);
    figure('another route, noticed', performance.now() - from);
    await opened(up, seen);
    expect(figure('another route, open again', performance.now() - from, { limit: 4_500 })).toBeLessThan(4_500);
    expect(await made.curl('you', PAGE)).toBe(page);
    expect(made.sshd(BASTION).log()).toContain(`Connection from ${made.addressOf('you', 'router-2')} `);
  });
});

/** Behind both routers, on neither link. */
const SERVICE = '10.99.0.1';

async function must(made: Machines, machine: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await made.run(machine, 'ip', args);
  if (code !== 0) throw new Error(`ip ${args.join(' ')} on ${machine}: ${stderr}`);
}

/** Two ways from you to the bastion; you take the first. */
async function routed(made: Machines): Promise<void> {
  await must(made, BASTION, ['addr', 'add', `${SERVICE}/32`, 'dev', 'lo']);
  for (const router of ['router-1', 'router-2']) {
    await made.run(router, 'sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    await must(made, router, ['route', 'add', SERVICE, 'via', made.addressOf(BASTION, router)]);
    await must(made, BASTION, ['route', 'add', made.addressOf('you', router), 'via', made.addressOf(router, BASTION)]);
  }
  await must(made, 'you', ['route', 'add', 'default', 'via', made.addressOf('router-1', 'you')]);
}
