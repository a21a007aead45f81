import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codeFrame } from '../../src/config/code-frame.ts';
import { sshConfigLookup } from '../../src/config/ssh-config.ts';
import { buildGraph } from '../../src/core/graph.ts';
import { bringUpOrder } from '../../src/core/order.ts';
import { loadIn, loadText, lookupOf, projectWith } from './loading.ts';

describe('a large topology', () => {
  const hosts = Array.from(
    { length: 20 },
    (_, index) => `  h${index}: {hostname: h${index}.example.com, user: deploy${index > 0 ? ', via: h0' : ''}}\n`,
  );
  const tunnels = Array.from({ length: 1000 }, (_, index) =>
    index % 2 === 0
      ? `  t${index}: -L ${10_000 + index}:web${index}:80 h${index % 20}\n`
      : `  t${index}:\n    type: local\n    host: h${index % 20}\n    ingress: ${10_000 + index}\n    egress: web:80\n    env: {URL_${index}: "http://{address}:{port}/"}\n`,
  );
  const yaml = `hosts:\n${hosts.join('')}tunnels:\n${tunnels.join('')}`;

  test.each([
    ['with an ssh_config that is made up', () => lookupOf()],
    ['with the real ssh', () => sshConfigLookup()],
  ])('of 1,000 tunnels over 20 hosts is loaded and ordered in under a second, %s', async (_, lookup) => {
    const cwd = projectWith({ 'tunnels.yaml': yaml });
    const times: number[] = [];
    for (let run = 0; run < 4; run += 1) {
      // Processor time of this process: what else runs on the machine does not count.
      const started = process.cpuUsage();
      const { loaded, messages } = await loadIn(cwd, { lookup: lookup() });
      if (!loaded) throw new Error(messages.join('\n'));
      expect(bringUpOrder(buildGraph(loaded.project)).flat()).toHaveLength(1020);
      const { user, system } = process.cpuUsage(started);
      times.push((user + system) / 1000);
      expect(loaded.project.tunnels.size).toBe(1000);
    }
    expect(Math.min(...times)).toBeLessThan(1000);
  });

  test('with a thousand problems has each of them, in order', async () => {
    const { errors } = await loadText(yaml.replaceAll(/web\d*:80/g, 'web:0'));
    expect(errors).toHaveLength(1000);
    expect(errors.map((each) => Number(each.split(' ')[1]))).toEqual(
      errors.map((each) => Number(each.split(' ')[1])).toSorted((a, b) => a - b),
    );
  });
});

test('problems of every stage are told at once, each once', async () => {
  const cwd = projectWith({
    'tunnels.yaml': `include: [../x.yaml, hosts.yaml]
hosts:
  bastion: {port: none, user: "\${NO_SUCH_USER}", transport: openssh}
tunnels:
  web: -L 8080:web:80 bastoin
  api: {type: local, host: bastion, ingress: "*:81", egress: "a:1", depends_on: [wbe]}
  one: {type: local, host: bastion, ingress: 82, egress: "a:1", depends_on: [two]}
  two: {type: local, host: bastion, ingress: 82, egress: "a:1", depends_on: [one]}
`,
    'hosts.yaml': 'hosts: {other: {pasword: {env: X}, password: literal}}\n',
    'tunnels.override.yaml': 'tunnels: {api: {park: 5}}\n',
  });
  const { messages } = await loadIn(cwd);
  expect(messages).toEqual([
    'tunnels.yaml:1:11 ../x.yaml leads out of the project directory, name other files with -f, or copy it here',
    'tunnels.yaml:3:19 port must be a number from 0 to 65535, not "none"',
    'tunnels.yaml:3:32 the variable NO_SUCH_USER is not set, set it, or write ${NO_SUCH_USER:-default}',
    'tunnels.yaml:3:61 not supported yet: transport: openssh',
    'tunnels.yaml:5:23 unknown host "bastoin", did you mean "bastion"?',
    'tunnels.yaml:6:46 other machines can connect to *:81, if that is meant, write expose: true',
    'tunnels.yaml:6:82 unknown tunnel "wbe", did you mean "web"?',
    'tunnels.yaml:7:78 a cycle: one -> two -> one, each needs the next to be up first: take one of the steps away',
    'tunnels.yaml:8:46 "two" cannot listen on localhost:82 of this machine: "one" does (line 7), give one of them another port',
    'hosts.yaml:1:17 unknown key "pasword" in host "other", did you mean "password"?',
    'hosts.yaml:1:46 the password stands in the file, say where it comes from: password: {env: NAME}, or {prompt: true}',
    'tunnels.override.yaml:1:23 park must be a duration such as 500ms, 15s, 2m or 1h, not 5, did you mean 5s?',
  ]);
});

test('a tunnel that is called x-… would not be read, and that is said', async () => {
  const { messages, loaded } = await loadText('tunnels:\n  x-ray: -D 1080 h.example.com\n');
  expect(messages).toEqual([
    'tunnels.yaml:2:3 "x-ray" is no tunnel: what begins with x- is not read, give it another name if it is to be one',
  ]);
  expect(loaded?.project.tunnels.size).toBe(0);
});

test('what it names to be watched are all files that were read, or would have been', async () => {
  const cwd = projectWith({ 'tunnels.yaml': 'tunnels: {web: 5}\n' });
  const { failure } = await loadIn(cwd);
  expect(failure?.watch).toEqual(['tunnels.yaml', 'tunnels.override.yaml', 'tunnels.override.yml', '.env'].map((name) => join(cwd, name)));
});

test('it never rejects, whatever the file holds', async () => {
  const cwd = projectWith({});
  mkdirSync(join(cwd, 'x'));
  for (const text of [
    '\u0000',
    '\ud800',
    '- - -',
    '!!js/function x',
    '&a',
    '? ?',
    '"\\x"',
    '%TAG',
    '*',
    'tunnels: &a {web: *a}',
    'tunnels: {web: {<<: *a}}',
    'hosts: [[[',
    'tunnels: {? {a: b} : c}',
    'tunnels: {__proto__: {type: local}, constructor: "-D 1 h.example.com"}',
  ]) {
    writeFileSync(join(cwd, 'tunnels.yaml'), text);
    const { loaded, errors } = await loadIn(cwd);
    expect([text, errors.length > 0]).toEqual([text, loaded === null]);
  }
  const { loaded } = await loadText('tunnels: {constructor: "-D 1 h.example.com", toString: "-D 2 h.example.com"}');
  expect([...(loaded?.project.tunnels.keys() ?? [])]).toEqual(['constructor', 'toString']);
});

test('a file that was cut, doubled or mixed up is refused or loaded, never more', async () => {
  const corpus = join(import.meta.dirname, '..', 'corpus');
  const texts = ['good', 'bad'].flatMap((folder) =>
    readdirSync(join(corpus, folder))
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => readFileSync(join(corpus, folder, name), 'utf8')),
  );
  const bits = [
    ':',
    '-',
    '&a ',
    '*a',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '\n',
    '\t',
    '!reset ',
    '<<: ',
    'null',
    '~',
    '${',
    '|',
    '#',
    'client',
    '@',
    '\u0000',
    '/',
    '::1',
  ];
  const edit = fc.record({ at: fc.nat(2000), drop: fc.nat(10), put: fc.constantFrom('', ...bits) });
  const cwd = projectWith({});
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 4 }), async (text, edits) => {
      let stdin = text;
      for (const { at, drop, put } of edits)
        stdin = stdin.slice(0, at % (stdin.length + 1)) + put + stdin.slice((at % (stdin.length + 1)) + drop);
      const { failure, errors } = await loadIn(cwd, { files: ['-'], stdin, profiles: ['*'] });
      expect(errors.length > 0).toBe(failure !== null);
      for (const { range } of failure?.diagnostics ?? [])
        if (range) expect(codeFrame(failure?.sources.get(range.file) ?? '', range)).toContain('^');
    }),
    { numRuns: 500 },
  );
});
