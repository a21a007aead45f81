import { describe, expect, it } from 'vitest';
import { load } from '../../../src/config/load.ts';
import { formatAddress } from '../../../src/core/address.ts';
import { DEFAULTS, KINDS, scaffold, type Scaffold, type ScaffoldHost } from '../../../src/cli/init/scaffold.ts';

const BASTION: ScaffoldHost = { name: 'bastion', hostname: 'bastion.example.com', user: 'deploy' };
const options = (part: Partial<Scaffold> = {}): Scaffold => {
  const kind = part.kind ?? 'local';
  const inner = { name: 'test-server', hostname: null, user: null };
  return { kind, project: 'shop', host: BASTION, inner, ...DEFAULTS[kind], ...part };
};

const loaded = async (text: string) => {
  const lookup = async () => ({ status: 'answered', matched: true, settings: {} }) as const;
  const result = await load({ cwd: '/', files: ['-'], stdin: text, profiles: [], envFiles: [], env: { HOME: '/nowhere' } }, { lookup });
  if (!result.ok) throw new Error(`${result.error.diagnostics.map(({ message }) => message).join('\n')}\n${text}`);
  return result.value;
};

const HOSTS: readonly ScaffoldHost[] = [
  BASTION,
  { name: 'alias', hostname: null, user: null },
  { name: 'no', hostname: '10.0.0.1', user: null },
  { name: 'x@[fe80::1]:22', hostname: null, user: 'root' },
];

describe.each(KINDS)('a %s file', (kind) => {
  it.each(HOSTS.map((host) => [host.name, host] as const))('is valid, without a warning, for %s', async (_, host) => {
    const { project, diagnostics } = await loaded(scaffold(options({ kind, host })));
    expect(diagnostics).toEqual([]);
    expect(project.hosts.has(host.name)).toBe(true);
    expect([...project.tunnels.values()].every(({ hosts }) => hosts.length === 1)).toBe(true);
  });

  it('says what its lines mean', () => {
    expect(scaffold(options({ kind })).match(/#/g)?.length).toBeGreaterThan(4);
  });
});

it.each([
  ['9090', 'localhost:9090'],
  ['[::1]:9090', '::1'],
  ['127.0.0.2:9090', '127.0.0.2:9090'],
  ['/run/user/1/db.sock', '/run/user/1/db.sock'],
  ['0', 'localhost:0'],
])('an ingress of %s is meant as it was said', async (ingress, meant) => {
  const { project } = await loaded(scaffold(options({ ingress })));
  const [web] = project.tunnels.values();
  expect(web && formatAddress(web.ingress)).toContain(meant);
});

it('a name that YAML would take for something else stays a name', async () => {
  for (const project of ['123', 'yes', 'null', '1e3']) expect((await loaded(scaffold(options({ project })))).project.name).toBe(project);
});

it('is this for a local tunnel through a host of ~/.ssh/config', () => {
  expect(scaffold(options({ host: { name: 'prod', hostname: null, user: null } }))).toBe(`\
# yaml-language-server: $schema=./node_modules/tunnels/schema/tunnels.schema.json
# tunnels config checks this file, tunnels up brings it up, saving it reloads it.
name: shop

hosts: # one that is not listed is looked up in ~/.ssh/config by its name
  prod: {} # as in ~/.ssh/config

tunnels:
  web: # as: ssh -N -L 8080:web-server:80 prod
    type: local
    host: prod
    ingress: 8080 # where it listens, on this machine
    egress: web-server:80 # where its connections come out, dialled from prod
`);
});
