import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { cli } from '../../../src/cli/cli.ts';
import { configDocument } from '../../../src/cli/render/config-document.ts';
import { load } from '../../../src/config/load.ts';
import type { Project } from '../../../src/core/spec.ts';
import { doubleTunnel, hostSpec, project, tunnelSpec } from '../../helpers/spec.ts';
import { FakeIo } from '../fake-runner.ts';

const directory = mkdtempSync(join(tmpdir(), 'tunnels-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function loadText(text: string): Promise<Project> {
  writeFileSync(join(directory, 'tunnels.yaml'), text);
  const result = await load({
    cwd: directory,
    files: [],
    profiles: ['*'],
    envFiles: [],
    env: { HOME: directory, SECRET: 'hunter2', USER: 'me' },
  });
  if (!result.ok) throw new Error(result.error.diagnostics.map((each) => each.message).join('\n'));
  return result.value.project;
}

/** `declared` says where a value came from, which is no longer known once everything is written out. */
const meaning = (loaded: Project): unknown => ({
  name: loaded.name,
  hosts: [...loaded.hosts.values()].map((host) => ({ ...host, declared: null })),
  tunnels: [...loaded.tunnels.values()],
});

const EVERYTHING = `
name: shop
defaults: { host: { ssh_config: false } }
hosts:
  bastion:
    hostname: bastion.example.com
    port: 2222
    user: deploy
    password: { env: SECRET }
    host_key: SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
    keepalive: { interval: 90s, count: 2 }
    reconnect: { attempts: 5 }
    agent: none
    address_family: inet
  inner: { via: bastion, identity_file: [/keys/a, /keys/b], identities_only: true }
  other@inner: { via: [], identity_file: [] }
  backup: { user: 'svc$$', identity_file: '/keys/$$HOME', via: [bastion, inner] }
tunnels:
  web: -L 8080:web:80 bastion
  range: { type: local, host: inner, ingress: 9000-9002, egress: db:7000-7002, profiles: [wide] }
  all: { type: remote, host: bastion, ingress: '*:81', egress: 80, expose: true, drain: 500ms }
  proxy: { type: dynamic, host: bastion, ingress: 1080, allow_targets: ['*.example.com:443'] }
  sock: { type: local, host: bastion, ingress: /tmp/x.sock, egress: /run/y.sock, socket_mode: '0640' }
  git: { type: local, client: bastion, host: inner, ingress: 2999, egress: git-server:7999, depends_on: [web], env: { GIT: 'http://{address}:{port}/' } }
  spread: { type: local, host: [bastion, inner, backup], ingress: 3000, egress: web:80 }
  direct: { type: dynamic, host: other@inner, ingress: 3001 }
  lazy: { type: local, host: bastion, ingress: 3002, egress: web:80, start: on-demand, idle_timeout: 90s, healthcheck: { tcp: true } }
  patient: { type: remote, host: [inner, bastion], ingress: 3003, egress: '/run/$$x.sock', depends_on: { checked: { condition: healthy } } }
  checked:
    type: local
    host: bastion
    ingress: 3004
    egress: web:80
    healthcheck: { http: '/up?all=$$1', interval: 2s, timeout: 1500ms, retries: 5, start_period: 1m }
    env: { PRICE: '$$5', NESTED: '$$SECRET', TWO: 'a$$$$b', FILLED: '\${SECRET:+set}' }
`;

describe('the document', () => {
  it('means the same when it is loaded again', async () => {
    const first = await loadText(EVERYTHING);
    const again = await loadText(stringify(configDocument(first)));
    expect(meaning(again)).toEqual(meaning(first));
  });

  it('says the same the second time', async () => {
    const once = configDocument(await loadText(EVERYTHING));
    expect(configDocument(await loadText(stringify(once)))).toEqual(once);
  });

  it('writes a dollar sign so that it is no variable', async () => {
    const { tunnels } = configDocument(await loadText(EVERYTHING)) as { tunnels: Record<string, { env?: unknown }> };
    expect(tunnels['checked']?.env).toEqual({ PRICE: '$$5', NESTED: '$$SECRET', TWO: 'a$$$$b', FILLED: 'set' });
  });

  it('names where a secret comes from, and never the secret', async () => {
    const loaded = await loadText(EVERYTHING);
    const text = stringify(configDocument(loaded));
    expect(text).toContain('env: SECRET');
    expect(text).not.toContain('hunter2');
  });

  it('masks a password that a URL carries', () => {
    const made = project(
      [hostSpec('bastion', { proxy: 'socks5://me:hunter2@proxy:1080', proxyCommand: ['nc', 'http://u:hunter2@x/'] })],
      [tunnelSpec('db', { env: { DATABASE_URL: 'postgres://app:hunter2@{address}:{port}/db' } })],
    );
    const text = stringify(configDocument(made));
    expect(text).not.toContain('hunter2');
    expect(text).toContain('postgres://app:***@{address}:{port}/db');
  });
});

describe('the command', () => {
  const run = async (...argv: readonly string[]): Promise<string> => {
    const io = new FakeIo();
    expect(await cli(['config', ...argv], io, '1')).toBe(0);
    return io.stdout.text;
  };

  it('prints YAML, or JSON, of the same document', async () => {
    expect(parse(await run())).toEqual(JSON.parse(await run('--format', 'json')));
    expect(parse(await run())).toEqual(JSON.parse(JSON.stringify(configDocument(doubleTunnel()))));
  });

  it('-q prints nothing', async () => {
    expect(await run('-q')).toBe('');
  });
});
