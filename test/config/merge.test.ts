import { describe, expect, test } from 'vitest';
import { emptyMap, toPlain } from '../../src/config/node.ts';
import { merge } from '../../src/config/merge.ts';
import { parse } from '../../src/config/parse.ts';
import { Problems } from '../../src/config/problems.ts';
import { createSource } from '../../src/config/source.ts';
import { loadIn, projectWith } from './loading.ts';

function merged(...texts: string[]): unknown {
  const problems = new Problems();
  const nodes = texts.map((text, index) => {
    const source = createSource(`f${index}`, text);
    return parse(source, problems)?.root ?? emptyMap({ source, start: 0, end: 0 });
  });
  const all = nodes.reduce((base, over) => merge(base, over, { expand: () => null }));
  return JSON.parse(JSON.stringify(toPlain(all)));
}

describe('a file over another', () => {
  test.each([
    ['a: 1', 'b: 2', { a: 1, b: 2 }],
    ['a: 1', 'a: 2', { a: 2 }],
    ['a: {b: 1, c: 2}', 'a: {c: 3, d: 4}', { a: { b: 1, c: 3, d: 4 } }],
    ['hosts: {a: {port: 1}}', 'hosts: {a: }', { hosts: { a: { port: 1 } } }],
    ['allow: [a]', 'allow: [b]', { allow: ['a', 'b'] }],
    ['identity_file: a', 'identity_file: [b]', { identity_file: ['a', 'b'] }],
    ['identity_file: [a]', 'identity_file: b', { identity_file: ['a', 'b'] }],
    ['identity_file: a', 'identity_file: b', { identity_file: 'b' }],
    ['profiles: [a]', 'profiles: [b]', { profiles: ['a', 'b'] }],
    ['allow_targets: ["a:1"]', 'allow_targets: ["b:1"]', { allow_targets: ['a:1', 'b:1'] }],
    ['via: [a, b]', 'via: [c]', { via: ['c'] }],
    ['via: [a, b]', 'via: c', { via: 'c' }],
    ['host: [a, b]', 'host: [c]', { host: ['c'] }],
    ['ciphers: [a]', 'ciphers: [b]', { ciphers: ['b'] }],
    ['kex: [a]', 'kex: [b]', { kex: ['b'] }],
    ['macs: [a]', 'macs: [b]', { macs: ['b'] }],
    ['host_key: [a]', 'host_key: [b]', { host_key: ['b'] }],
    ['known_hosts: [a]', 'known_hosts: [b]', { known_hosts: ['b'] }],
    ['password: {env: A}', 'password: {prompt: true}', { password: { prompt: true } }],
    ['passphrase: {env: A}', 'passphrase: {env: B}', { passphrase: { env: 'B' } }],
    ['healthcheck: {tcp: true, interval: 5s}', 'healthcheck: {http: /}', { healthcheck: { interval: '5s', http: '/' } }],
    ['healthcheck: {tcp: true}', 'healthcheck: {interval: 5s}', { healthcheck: { tcp: true, interval: '5s' } }],
    ['depends_on: [a]', 'depends_on: [b]', { depends_on: ['a', 'b'] }],
    ['depends_on: [a]', 'depends_on: {b: {condition: open}}', { depends_on: { a: null, b: { condition: 'open' } } }],
    ['depends_on: {a: {condition: healthy}}', 'depends_on: [b]', { depends_on: { a: { condition: 'healthy' }, b: null } }],
    ['env: {A: 1}', 'env: {A: 2, B: 3}', { env: { A: 2, B: 3 } }],
    ['a: {b: 1}', 'a: !reset null', {}],
    ['a: {b: 1, c: 2}', 'a: {b: !reset null}', { a: { c: 2 } }],
    ['allow: [a]', 'allow: !override [b]', { allow: ['b'] }],
    ['a: {b: 1}', 'a: !override {c: 2}', { a: { c: 2 } }],
    ['a: !reset {b: 1}', 'c: 1', { c: 1 }],
    ['c: 1', 'a: {b: !reset null, d: !override [x, !reset y]}', { c: 1, a: { d: ['x'] } }],
    ['a: [1]', 'a: {b: 1}', { a: { b: 1 } }],
    ['a: {b: 1}', 'a: 5', { a: 5 }],
  ])('%s  and  %s', (base, over, expected) => {
    expect(merged('x: 0', base, over)).toEqual({ x: 0, ...expected });
  });
});

const MAIN = 'hosts: {bastion: {}, other: {}}\ntunnels:\n  web: -L 8080:web:80 bastion\n';

describe('an override file', () => {
  test('beside the main file is merged over it', async () => {
    const cwd = projectWith({ 'tunnels.yaml': MAIN, 'tunnels.override.yml': 'hosts: {bastion: {user: me}}\ntunnels: {web: {park: 1s}}\n' });
    const { loaded, messages } = await loadIn(cwd);
    expect(messages).toEqual([]);
    const web = loaded?.project.tunnels.get('web');
    expect([web?.parkMs, web?.egress, loaded?.project.hosts.get('bastion')?.user]).toEqual([
      1000,
      { kind: 'tcp', host: 'web', port: 80 },
      'me',
    ]);
  });

  test('is not read when files are named', async () => {
    const cwd = projectWith({ 'tunnels.yaml': MAIN, 'tunnels.override.yaml': 'tunnels: {web: {park: 1s}}\n' });
    const { loaded } = await loadIn(cwd, { files: ['tunnels.yaml'] });
    expect(loaded?.project.tunnels.get('web')?.parkMs).toBe(10_000);
  });

  test('may put a short form over a map, a map over a short form, and one short form over another', async () => {
    const cwd = projectWith({
      'tunnels.yaml':
        'hosts: {bastion: {}, other: {}, edge: {}}\ntunnels:\n  a: -L 8001:web:80 bastion\n  b: {type: local, host: bastion, ingress: 8002, egress: "web:80", park: 1s}\n  c: -L 8003:web:80 bastion\n',
      'tunnels.override.yaml':
        'tunnels:\n  a: {egress: "web:${EGRESS}", host: other}\n  b: -J edge -L ${INGRESS}:web:81 bastion\n  c: -D 1080 other\n',
    });
    const { loaded, messages } = await loadIn(cwd, { env: { INGRESS: '9002', EGRESS: '81' } });
    expect(messages).toEqual([]);
    const brief = [...(loaded?.project.tunnels.values() ?? [])].map((each) => [
      each.type,
      each.hosts[0],
      each.parkMs,
      JSON.stringify(each.egress),
    ]);
    expect(brief).toEqual([
      ['local', 'other', 10_000, '{"kind":"tcp","host":"web","port":81}'],
      ['local', 'bastion+via-edge', 1000, '{"kind":"tcp","host":"web","port":81}'],
      ['dynamic', 'other', 10_000, 'null'],
    ]);
    expect(loaded?.project.hosts.get('bastion+via-edge')?.via).toEqual(['edge']);
  });

  test('keeps every value at its own file and line', async () => {
    const cwd = projectWith({
      'tunnels.yaml': 'hosts:\n  bastion:\n    port: none\ntunnels:\n  web: -L 8080:web:80 bastion\n',
      'tunnels.override.yaml': '\n\nhosts:\n  bastion:\n    user: 5\n',
    });
    const { diagnostics } = await loadIn(cwd);
    expect(diagnostics.map(({ range }) => `${range?.file}:${range?.start.line}:${range?.start.column}`)).toEqual([
      'tunnels.yaml:3:11',
      'tunnels.override.yaml:5:11',
    ]);
  });

  test('that does not parse is told, and the rest is not guessed at', async () => {
    const cwd = projectWith({ 'tunnels.yaml': MAIN, 'tunnels.override.yaml': 'hosts: {\n' });
    const { diagnostics } = await loadIn(cwd);
    expect(diagnostics.map(({ code, range }) => `${code} ${range?.file}`)).toEqual(['yaml-syntax tunnels.override.yaml']);
  });
});

test('repeated -f are merged in order, and the first is the project', async () => {
  const cwd = projectWith({
    'a/one.yaml': MAIN,
    'b/two.yaml': 'tunnels: {web: {park: 1s}}\n',
    'b/three.yaml': 'tunnels: {web: {park: 2s}}\n',
  });
  const { loaded, messages } = await loadIn(cwd, { files: ['a/one.yaml', 'b/two.yaml', 'b/three.yaml'] });
  expect(messages).toEqual([]);
  expect(loaded?.project.tunnels.get('web')?.parkMs).toBe(2000);
  expect(loaded?.mainFile).toBe(`${cwd}/a/one.yaml`);
  expect(loaded?.projectDirectory).toBe(`${cwd}/a`);
  expect(loaded?.project.name).toBe('a');
});
