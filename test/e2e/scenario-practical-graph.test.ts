/** P6: which side opens the port, and where it comes out: every form of `graph` says so, and it is so. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { hostEntry, type Project } from '../helpers/project.ts';
import { echoes, scene } from '../helpers/scene.ts';
import { startEcho, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';

const all = scene(afterAll);
let host: Sshd;
let echo: Service;
let project: Project;
let port: number;

beforeAll(async () => {
  [host, echo, port] = await Promise.all([all.sshd({ name: 'host' }), all.add(startEcho()), freePort()]);
  project = all.project({
    yaml: {
      name: 'sides',
      hosts: { host: hostEntry(host) },
      tunnels: {
        'to-host': { type: 'local', host: 'host', ingress: 0, egress: `localhost:${echo.port}` },
        'from-host': { type: 'remote', host: 'host', ingress: port, egress: `localhost:${echo.port}` },
        proxy: '-D 1080 host',
        'far-proxy': { type: 'remote-dynamic', host: 'host', ingress: 1081 },
        past: { type: 'local', host: 'host', ingress: 8082, egress: 'db.internal:5432' },
      },
    },
  });
});

const graph = async (format: string): Promise<string> => {
  const { code, stdout, stderr } = await project.run(['graph', '--format', format]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
};

describe('graph', () => {
  it('ascii: each tunnel has a line for the machine that opens the port and one for the machine that dials', async () => {
    const text = await graph('ascii');
    const block = (name: string): string => new RegExp(`^  ${name}  [^]*?\\n\\n`, 'm').exec(text)?.[0] ?? '';
    expect(block('to-host')).toContain('local, like ssh -L');
    expect(block('to-host')).toContain('ingress  on client: [localhost:0]  <- client opens this port');
    expect(block('to-host')).toContain(`egress   from host: localhost:${echo.port}`);
    expect(block('from-host')).toContain('remote, like ssh -R');
    expect(block('from-host')).toContain(`ingress  on host: [localhost:${port}]  <- host opens this port`);
    expect(block('from-host')).toContain(`egress   from client: localhost:${echo.port}`);
    expect(block('proxy')).toContain('ingress  on client: [localhost:1080]');
    expect(block('proxy')).toContain('egress   from host: SOCKS and HTTP proxy');
    expect(block('far-proxy')).toContain('ingress  on host: [localhost:1081]');
    expect(block('far-proxy')).toContain('egress   from client: SOCKS and HTTP proxy');
    expect(block('past')).toContain('!!       host -> db.internal:5432: plain TCP, not protected by SSH');
  });

  it('json: the same as values', async () => {
    const { tunnels } = JSON.parse(await graph('json')) as { tunnels: { name: string; ingress: unknown; egress: unknown }[] };
    const sides = Object.fromEntries(tunnels.map(({ name, ingress, egress }) => [name, { ingress, egress }]));
    expect(sides).toMatchObject({
      'to-host': { ingress: { machine: 'client' }, egress: { machine: 'host', address: `localhost:${echo.port}` } },
      'from-host': { ingress: { machine: 'host', address: `localhost:${port}` }, egress: { machine: 'client' } },
      proxy: { ingress: { machine: 'client' }, egress: { machine: 'host', address: null } },
      'far-proxy': { ingress: { machine: 'host' }, egress: { machine: 'client', address: null } },
    });
  });

  const nearIngress = 'to-host: listens on localhost:0';
  const farIngress = (): string => `from-host: listens on localhost:${port}`;

  /** What stands in the box of each machine. */
  const boxes = (text: string, begin: RegExp, end: RegExp): Record<'client' | 'host', string> => {
    const found = text
      .split(begin)
      .slice(1)
      .map((part) => part.split(end)[0] ?? '');
    const of = (machine: string): string => found.find((box) => box.includes(`"${machine} (`)) ?? '';
    return { client: of('client'), host: of('host') };
  };

  it.each([
    ['mermaid', /^ {2}subgraph /m, /^ {2}end$/m],
    ['dot', /^ {2}subgraph /m, /^ {2}\}$/m],
  ])('%s: the port that is opened and the place that dials are each in the box of its machine', async (format, begin, end) => {
    const { client, host: far } = boxes(await graph(format), begin, end);
    for (const text of [nearIngress, 'from-host: dials', 'proxy: listens on localhost:1080', 'far-proxy: proxy'])
      expect(client).toContain(text);
    for (const text of [farIngress(), 'to-host: dials', 'far-proxy: listens on localhost:1081', 'proxy: proxy'])
      expect(far).toContain(text);
    for (const text of [farIngress(), 'to-host: dials']) expect(client).not.toContain(text);
  });

  it('svg: the port is a dot on the line of its machine, and an arrow goes to the line of the one that dials', async () => {
    const text = await graph('svg');
    const column = (name: string): string => new RegExp(`<text x="([\\d.]+)" y="22" class="name">${name}</text>`).exec(text)?.[1] ?? '';
    const [client, far] = [column('client'), column('host')];
    for (const [name, listens, dials] of [
      ['to-host (local)', client, far],
      ['from-host (remote)', far, client],
    ] as const) {
      const tunnel = text.slice(text.indexOf(`>${name}</text>`));
      expect(tunnel).not.toBe(text);
      expect(/class="ssh"/.exec(tunnel)).not.toBeNull();
      expect(/<line x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)" y2="[\d.]+" class="ssh"/.exec(tunnel)?.slice(1)).toEqual([listens, dials]);
      expect(/<circle cx="([\d.]+)"/.exec(tunnel)?.[1]).toBe(listens);
    }
  });

  it('and `up` opens them there', async () => {
    const up = project.up(['to-host', 'from-host']);
    await up.untilOpen(['to-host', 'from-host']);
    // The far port is sshd's own, the near one the program's.
    await echoes(up.port('to-host'));
    await echoes(port);
    expect(up.port('from-host')).toBe(port);
    expect(await up.stop()).toMatchObject({ code: 0 });
  });
});
