/** P2 to P5 and B10 on machines that reach each other only where there is a cable. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Network, netnsAvailable, startNetwork } from '../helpers/netns.ts';
import { hostEntry, type Project, type Up } from '../helpers/project.ts';
import { failureOf, scene } from '../helpers/scene.ts';
import { startWwwWithin } from '../helpers/service-within.ts';
import type { Sshd } from '../helpers/sshd.ts';

const PORT = 8080;

describe.runIf(netnsAvailable())('machines', () => {
  const all = scene(afterAll);
  const each = scene(afterEach);
  let network: Network;
  let gateway: Sshd;

  beforeAll(async () => {
    network = await all.add(
      startNetwork({
        hosts: ['you', 'gateway', 'home', 'db', 'visitor'],
        links: [
          ['you', 'gateway'],
          ['you', 'home'],
          ['gateway', 'db'],
          ['gateway', 'visitor'],
        ],
        names: { you: { 'wiki.home': '10.77.2.2' }, gateway: { 'db.internal': '10.77.3.2' } },
      }),
    );
    gateway = await all.sshd({ name: 'gateway', listen: network.addressOf('gateway', 'you'), port: 22, within: network.on('gateway') });
    await Promise.all([
      all.add(startWwwWithin({ within: network.on('home'), host: network.addressOf('home', 'you'), port: 80, page: 'the wiki at home' })),
      all.add(startWwwWithin({ within: network.on('db'), host: network.addressOf('db', 'gateway'), port: 80, page: 'the database' })),
      all.add(startWwwWithin({ within: network.on('gateway'), host: '0.0.0.0', port: 80, page: 'the gateway' })),
      all.add(startWwwWithin({ within: network.on('you'), host: '127.0.0.1', port: 3000, page: 'your own server' })),
    ]);
  });

  const project = (tunnels: Record<string, unknown>): Project =>
    each.project({ yaml: { hosts: { gateway: hostEntry(gateway) }, tunnels }, within: network.on('you') });
  const curl = async (on: string, args: readonly string[]): Promise<string> => {
    const { code, stdout } = await network.run(on, 'curl', ['-sS', '--noproxy', '', '--max-time', '5', ...args]);
    return code === 0 ? stdout : `curl ended with ${code}`;
  };
  /** curl's exit codes: 6 the name means nothing, 7 nobody is there. */
  const [UNKNOWN_NAME, UNREACHABLE] = ['curl ended with 6', 'curl ended with 7'];
  /** What is posted comes back, so bytes have gone both ways. */
  const posts = async (on: string, args: readonly string[]): Promise<boolean> => {
    const text = 'both ways '.repeat(5_000);
    const result = await network.run(on, 'curl', ['-sS', '--noproxy', '', '--max-time', '10', '--data-binary', '@-', ...args], {
      input: text,
    });
    return result.stdout === text;
  };

  it('P2: a bastion reaches the third machine that you cannot', async () => {
    const target = `http://${network.addressOf('db', 'gateway')}/`;
    expect(await curl('you', [target])).toBe(UNREACHABLE);
    const up = project({ web: { type: 'local', host: 'gateway', ingress: PORT, egress: 'db.internal:80' } }).up();
    await up.untilOpen(['web']);
    expect(await curl('you', [`http://localhost:${PORT}/`])).toBe(await curl('gateway', [target]));
    expect(await posts('you', [`http://localhost:${PORT}/`])).toBe(true);
  });

  it('P4: you are the jump: the port of a server at home is on the gateway', async () => {
    const target = `http://${network.addressOf('home', 'you')}/`;
    expect(await curl('gateway', [target])).toBe(UNREACHABLE);
    const up = project({ home: { type: 'remote', host: 'gateway', ingress: PORT, egress: `${network.addressOf('home', 'you')}:80` } }).up();
    await up.untilOpen(['home']);
    expect(await curl('gateway', [`http://localhost:${PORT}/`])).toBe('the wiki at home');
    expect(await posts('gateway', [`http://localhost:${PORT}/`])).toBe(true);
  });

  it('P5: the proxy is on the gateway, and names mean what they mean to you', async () => {
    expect(await curl('gateway', ['http://wiki.home/'])).toBe(UNKNOWN_NAME);
    const up = project({ proxy: { type: 'remote-dynamic', host: 'gateway', ingress: 1080 } }).up();
    await up.untilOpen(['proxy']);
    for (const proxy of ['socks5h://localhost:1080', 'socks4a://localhost:1080']) {
      expect(await curl('gateway', ['-x', proxy, 'http://wiki.home/'])).toBe('the wiki at home');
      expect(await posts('gateway', ['-x', proxy, 'http://wiki.home/'])).toBe(true);
    }
    const tunnelled = ['-p', '-x', 'http://localhost:1080', 'http://wiki.home/'];
    expect(await curl('gateway', tunnelled)).toBe('the wiki at home');
    expect(await posts('gateway', tunnelled)).toBe(true);
    // With names resolved on the gateway there is nothing to ask for.
    expect(await curl('gateway', ['--socks5', 'localhost:1080', 'http://wiki.home/'])).toBe('curl ended with 97');
    expect(
      up
        .events()
        .filter((event) => event.type === 'connection-opened')
        .map((event) => event['target']),
    ).toContain('wiki.home:80');
  });

  it('B10: by `localhost` the service sees loopback, by the own name of the host its address', async () => {
    const up = project({
      loopback: { type: 'local', host: 'gateway', ingress: PORT, egress: 'localhost:80' },
      named: { type: 'local', host: 'gateway', ingress: PORT + 1, egress: 'gateway:80' },
    }).up();
    await up.untilOpen(['loopback', 'named']);
    expect(await curl('you', [`http://localhost:${PORT}/source`])).toBe('127.0.0.1');
    expect(await curl('you', [`http://localhost:${PORT + 1}/source`])).toBe(network.addressOf('gateway', 'you'));
    for (const port of [PORT, PORT + 1]) expect(await posts('you', [`http://localhost:${port}/`])).toBe(true);
  });

  describe('P3: on the gateway with GatewayPorts', () => {
    const remote = (ingress: number | string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
      type: 'remote',
      host: 'gateway',
      ingress,
      egress: 'localhost:3000',
      ...more,
    });
    const restart = (GatewayPorts: string): Promise<void> => gateway.restart({ config: { GatewayPorts } });
    const landed = (up: Up, name: string): unknown =>
      up
        .events()
        .filter((event) => event.subject?.name === name && event.to === 'open')
        .at(-1)?.ingress;
    /** Where each of the three machines gets an answer from at this port of the gateway. */
    const reach = async (port: number): Promise<Record<'gateway' | 'you' | 'visitor', boolean>> => {
      const [inside, you, visitor] = await Promise.all([
        posts('gateway', [`http://localhost:${port}/`]),
        posts('you', [`http://${network.addressOf('gateway', 'you')}:${port}/`]),
        posts('visitor', [`http://${network.addressOf('gateway', 'visitor')}:${port}/`]),
      ]);
      return { gateway: inside, you, visitor };
    };
    const NOWHERE = { gateway: false, you: false, visitor: false };
    const LOOPBACK = { gateway: true, you: false, visitor: false };
    const EVERYWHERE = { gateway: true, you: true, visitor: true };

    it('no: loopback is loopback; what asks for more fails with the reason and the line of sshd_config', async () => {
      await restart('no');
      const up = project({
        inside: remote(PORT),
        wide: remote(`*:${PORT + 1}`, { expose: true }),
        specific: remote(`${network.addressOf('gateway', 'visitor')}:${PORT + 2}`, { expose: true }),
      }).up();
      await up.untilOpen(['inside']);
      await up.untilEvent((event) => event.subject?.name === 'wide' && event.to === 'failed');
      await up.untilEvent((event) => event.subject?.name === 'specific' && event.to === 'failed');
      expect(landed(up, 'inside')).toBe(`127.0.0.1:${PORT}`);
      expect(await reach(PORT)).toEqual(LOOPBACK);
      for (const [name, asked] of [
        ['wide', `*:${PORT + 1}`],
        ['specific', `${network.addressOf('gateway', 'visitor')}:${PORT + 2}`],
      ] as const) {
        const failure = failureOf(up, name);
        expect(failure?.code).toBe('bind-denied');
        expect(failure?.message).toContain(`asked for ${asked}, but sshd of gateway listens on loopback only`);
        expect(failure?.hint).toContain('"GatewayPorts clientspecified" (or yes) in sshd_config of gateway');
      }
      // What did not land right is let go of.
      expect(await reach(PORT + 1)).toEqual(NOWHERE);
      expect(await reach(PORT + 2)).toEqual(NOWHERE);
    });

    it('yes: everything is open to all, so loopback fails unless it may be', async () => {
      await restart('yes');
      const up = project({
        inside: remote(PORT),
        wide: remote(`*:${PORT + 1}`, { expose: true }),
        either: remote(PORT + 2, { expose: true }),
      }).up();
      await up.untilOpen(['wide', 'either']);
      await up.untilEvent((event) => event.subject?.name === 'inside' && event.to === 'failed');
      expect(landed(up, 'wide')).toBe(`0.0.0.0:${PORT + 1}`);
      expect(landed(up, 'either')).toBe(`0.0.0.0:${PORT + 2}`);
      expect(await reach(PORT + 1)).toEqual(EVERYWHERE);
      expect(await reach(PORT + 2)).toEqual(EVERYWHERE);
      expect(failureOf(up, 'inside')).toMatchObject({
        code: 'bind-denied',
        message: `asked for localhost:${PORT}, but sshd of gateway listens on all interfaces`,
        hint: expect.stringContaining('"GatewayPorts clientspecified" (or no) in sshd_config of gateway') as string,
      });
      expect(await reach(PORT)).toEqual(NOWHERE);
    });

    it('clientspecified: each lands where it asks, and the table says so', async () => {
      await restart('clientspecified');
      const specific = network.addressOf('gateway', 'visitor');
      const up = project({
        inside: remote(PORT),
        wide: remote(`*:${PORT + 1}`, { expose: true }),
        specific: remote(`${specific}:${PORT + 2}`, { expose: true }),
      }).up([], { progress: 'plain' });
      await up.untilLine(/3 tunnels are open/);
      await up.untilLine(new RegExp(`^inside +127\\.0\\.0\\.1:${PORT} on gateway +→ +localhost:3000 +gateway +open$`));
      await up.untilLine(new RegExp(`^wide +0\\.0\\.0\\.0:${PORT + 1} on gateway +→ `));
      await up.untilLine(new RegExp(`^specific +${specific.replaceAll('.', '\\.')}:${PORT + 2} on gateway +→ `));
      expect(await reach(PORT)).toEqual(LOOPBACK);
      expect(await reach(PORT + 1)).toEqual(EVERYWHERE);
      expect(await reach(PORT + 2)).toEqual({ gateway: false, you: false, visitor: true });
    });
  });
});
