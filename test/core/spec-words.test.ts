import { describe, expect, it } from 'vitest';
import { tcp, unix } from '../../src/core/address.ts';
import { HOST_FIELDS, TUNNEL_FIELDS } from '../../src/core/change.ts';
import { fieldWord, valueWords } from '../../src/core/spec-words.ts';
import schema from '../../schema/tunnels.schema.json' with { type: 'json' };

describe('the words of a plan', () => {
  it.each<[string, unknown, string]>([
    ['connectTimeoutMs', 10_000, 'connect_timeout 10s'],
    ['parkMs', 500, 'park 500ms'],
    ['idleTimeoutMs', 300_000, 'idle_timeout 5m'],
    ['keepalive', { intervalMs: 5_000, count: 3 }, 'keepalive {interval: 5s, count: 3}'],
    ['reconnect', { minMs: 500, maxMs: 30_000, attempts: null }, 'reconnect {min: 500ms, max: 30s, attempts: unlimited}'],
    ['socketMode', 0o660, 'socket_mode 0660'],
    ['maxConnections', 10, 'max_connections 10'],
    ['expose', true, 'expose true'],
    ['egress', tcp('::1', 80), 'egress [::1]:80'],
    ['ingress', unix('/run/a.sock'), 'ingress /run/a.sock'],
    ['identityFiles', ['/a', '/b'], 'identity_file [/a, /b]'],
    ['identityFilesExplicit', false, 'identity_file where there is one'],
    ['hostKeys', [], 'host_key none'],
    ['password', { env: 'PASS' }, 'password {env: PASS}'],
    ['passphrase', { command: { argv: ['pass', 'show'], cwd: '/p', trusted: true } }, 'passphrase {command: [pass, show]}'],
    ['passphrase', { command: { argv: ['pass'], cwd: '/p', trusted: false } }, 'passphrase {command: [pass] (not trusted)}'],
    ['proxy', 'http://me:secret@proxy:3128', 'proxy http://me:***@proxy:3128'],
    ['proxyCommand', ['nc', 'socks5://me:secret@p:1'], 'proxy_command [nc, socks5://me:***@p:1]'],
    [
      'dependsOn',
      [
        { tunnel: 'a', condition: 'open' },
        { tunnel: 'b', condition: 'healthy' },
      ],
      'depends_on [a, b (healthy)]',
    ],
    [
      'healthcheck',
      { probe: { kind: 'http', path: '/ok' }, intervalMs: 10_000, timeoutMs: 1_000, retries: 3, startPeriodMs: 0 },
      'healthcheck {http: /ok, interval: 10s, timeout: 1s, retries: 3, start_period: 0s}',
    ],
    [
      'healthcheck',
      { probe: { kind: 'tcp' }, intervalMs: 10_000, timeoutMs: 1_000, retries: 3, startPeriodMs: 0 },
      'healthcheck {tcp: true, interval: 10s, timeout: 1s, retries: 3, start_period: 0s}',
    ],
    ['healthcheck', null, 'healthcheck none'],
    ['env', { URL: 'http://{address}' }, 'env {URL: http://{address}}'],
  ])('%s %j', (field, value, expected) => {
    expect(`${fieldWord(field)} ${valueWords(field, value)}`).toBe(expected);
  });

  it('are keys of the file', () => {
    const told = (fields: Readonly<Record<string, string>>): string[] =>
      Object.entries(fields).flatMap(([field, kind]) => (kind === 'ignore' ? [] : [fieldWord(field)]));
    const { host, tunnelMap } = schema.$defs;
    expect(told(HOST_FIELDS).filter((word) => !Object.keys(host.properties).includes(word))).toEqual([]);
    expect(told(TUNNEL_FIELDS).filter((word) => !Object.keys(tunnelMap.properties).includes(word))).toEqual([]);
  });
});
