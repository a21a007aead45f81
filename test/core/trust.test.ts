import { describe, expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import type { HostSpec, Project, SecretSource, TunnelSpec } from '../../src/core/spec.ts';
import { trusted, untrustedHost, untrustedTunnel, withoutTrust } from '../../src/core/trust.ts';
import { hostSpec, project, tunnelSpec } from '../helpers/spec.ts';

const TIMES = { intervalMs: 10_000, timeoutMs: 1_000, retries: 3, startPeriodMs: 0 };
const check = (...argv: string[]): TunnelSpec['healthcheck'] => ({
  probe: { kind: 'command', command: { argv, cwd: '/p', trusted: false } },
  ...TIMES,
});
const printed = (...argv: string[]): SecretSource => ({ command: { argv, cwd: '/p', trusted: false } });

const plain = project([hostSpec('bastion')], [tunnelSpec('web')]);
const checked = (argv: readonly string[], part: Partial<TunnelSpec> = {}): Project =>
  project([hostSpec('bastion')], [tunnelSpec('web', { healthcheck: check(...argv), ...part })]);
const secret = (part: Partial<HostSpec>, jump: Partial<HostSpec> = {}): Project =>
  project([hostSpec('jump', jump), hostSpec('bastion', part)], [tunnelSpec('web')]);

describe('what is not allowed', () => {
  it.each<[string, Project, string | null, string | null]>([
    ['nothing that runs', plain, null, null],
    ['a check', checked(['pg_isready', '-q']), null, 'web: its healthcheck runs a command that you have not allowed: pg_isready'],
    [
      'a password',
      secret({ password: printed('pass') }),
      'bastion: a secret of it is printed by a command that you have not allowed: pass',
      null,
    ],
    [
      'a passphrase',
      secret({ passphrase: printed('op') }),
      'bastion: a secret of it is printed by a command that you have not allowed: op',
      null,
    ],
    [
      'a program of strange name',
      checked(['\u001b[31mred\u202e']),
      null,
      'web: its healthcheck runs a command that you have not allowed: ?[31mred?',
    ],
    ['all of it, once it is trusted', trusted(secret({ password: printed('pass') })), null, null],
    ['the check, once it is trusted', trusted(checked(['true'])), null, null],
  ])('%s', (_, from, ofHost, ofTunnel) => {
    const [host, tunnel] = [from.hosts.get('bastion'), from.tunnels.get('web')];
    expect((host && untrustedHost(host))?.message ?? null).toBe(ofHost);
    expect((tunnel && untrustedTunnel(tunnel))?.message ?? null).toBe(ofTunnel);
  });

  it('says what to do, in a class that is not retried', () => {
    const spec = checked(['true']).tunnels.get('web');
    expect(spec && untrustedTunnel(spec)).toMatchObject({ code: 'untrusted', hint: expect.stringContaining('tunnels trust') });
  });
});

it('trust changes commands, and nothing else', () => {
  const from = project(
    [hostSpec('a', { password: { env: 'PW' }, passphrase: printed('op') })],
    [tunnelSpec('web', { healthcheck: check('true') }), tunnelSpec('db', { healthcheck: { probe: { kind: 'tcp' }, ...TIMES } })],
  );
  const to = trusted(from);
  expect(to.hosts.get('a')).toEqual({ ...from.hosts.get('a'), passphrase: { command: { argv: ['op'], cwd: '/p', trusted: true } } });
  expect(to.tunnels.get('db')).toEqual(from.tunnels.get('db'));
  expect(from.hosts.get('a')?.passphrase).toEqual(printed('op'));
});

const stillTrusted = { stillTrusted: true };

describe('a tunnel that runs, and whose command is not trusted', () => {
  const web = (desired: Project, running: Project | null, options = stillTrusted): TunnelSpec | undefined =>
    withoutTrust(desired, running, options).project.tunnels.get('web');
  const before = trusted(checked(['old'], { env: { URL: 'old' }, ingress: tcp('localhost', 1) }));
  const after = checked(['new'], { env: { URL: 'new' }, ingress: tcp('localhost', 2), egress: tcp('other', 81) });

  it('keeps the check it had and what that is told; the rest follows the file', () => {
    expect(web(after, before)).toEqual({ ...before.tunnels.get('web'), egress: tcp('other', 81) });
    expect(withoutTrust(after, before, stillTrusted).kept).toEqual([{ kind: 'tunnel', name: 'web' }]);
  });

  it('keeps its having none, and then its variables follow the file', () => {
    expect(web(after, plain)).toEqual({ ...after.tunnels.get('web'), healthcheck: null });
  });

  it.each<[string, Project | null, { stillTrusted: boolean }]>([
    ['nothing runs', null, stillTrusted],
    ['it does not run', project([hostSpec('bastion')], []), stillTrusted],
    ['it was not trusted before either', checked(['old']), stillTrusted],
    ['the trust was taken back', before, { stillTrusted: false }],
  ])('keeps nothing where %s', (_, running, options) => {
    expect(web(after, running, options)).toEqual(after.tunnels.get('web'));
    expect(withoutTrust(after, running, options).kept).toEqual([]);
  });

  it('loses a command that is gone from the file', () => {
    expect(web(plain, before)).toEqual(plain.tunnels.get('web'));
  });
});

describe('a host that runs, and whose command is not trusted', () => {
  const bastion = (desired: Project, running: Project | null, options = stillTrusted): HostSpec | undefined =>
    withoutTrust(desired, running, options).project.hosts.get('bastion');
  const before = trusted(secret({ password: printed('pass'), via: ['jump'] }));

  it('stays as it was altogether: its secret goes nowhere else', () => {
    const after = secret({ password: printed('pass'), via: ['jump'], hostname: 'evil.example.com', hostKeyPolicy: 'ignore' });
    expect(bastion(after, before)).toEqual(before.hosts.get('bastion'));
    expect(withoutTrust(after, before, stillTrusted).kept).toEqual([{ kind: 'host', name: 'bastion' }]);
  });

  it('that had no command stays so', () => {
    expect(bastion(secret({ password: printed('new') }), secret({}))).toEqual(hostSpec('bastion'));
  });

  it('cannot stay where its way is gone', () => {
    const after = project([hostSpec('bastion', { password: printed('pass') })], [tunnelSpec('web')]);
    expect(bastion(after, before)).toEqual(after.hosts.get('bastion'));
  });

  it('is not kept on a trust that was taken back', () => {
    const after = secret({ password: printed('pass'), via: ['jump'] });
    expect(bastion(after, before, { stillTrusted: false })).toEqual(after.hosts.get('bastion'));
  });

  it('lets those without commands follow the file', () => {
    const after = secret({ password: printed('pass'), via: ['jump'] }, { hostname: 'moved.example.com' });
    expect(withoutTrust(after, before, stillTrusted).project.hosts.get('jump')?.hostname).toBe('moved.example.com');
  });
});
