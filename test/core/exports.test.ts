import { describe, expect, test } from 'vitest';
import { tcp, unix, type Address } from '../../src/core/address.ts';
import { tunnelExports, variableName } from '../../src/core/exports.ts';

describe('the names of variables', () => {
  test.each([
    ['web', 'WEB'],
    ['git-inner', 'GIT_INNER'],
    ['db.main-9000', 'DB_MAIN_9000'],
    ['a_b', 'A_B'],
  ])('%s is %s', (tunnel, variable) => expect(variableName(tunnel)).toBe(variable));
});

const BOUND: readonly { what: string; bound: Address; port: string; address: string; host: string; path: string }[] = [
  { what: 'loopback', bound: tcp('127.0.0.1', 8080), port: '8080', address: '127.0.0.1', host: '127.0.0.1', path: '' },
  { what: 'the name localhost', bound: tcp('localhost', 80), port: '80', address: '127.0.0.1', host: 'localhost', path: '' },
  { what: 'another loopback address', bound: tcp('127.0.0.2', 80), port: '80', address: '127.0.0.2', host: '127.0.0.2', path: '' },
  { what: 'IPv6 loopback', bound: tcp('::1', 80), port: '80', address: '::1', host: '::1', path: '' },
  { what: 'every interface', bound: tcp('*', 80), port: '80', address: '127.0.0.1', host: '*', path: '' },
  { what: 'one interface', bound: tcp('10.0.0.5', 80), port: '80', address: '10.0.0.5', host: '10.0.0.5', path: '' },
  { what: 'a unix socket', bound: unix('/run/db.sock'), port: '', address: '/run/db.sock', host: '/run/db.sock', path: '/run/db.sock' },
];

describe('exports', () => {
  test.each(BOUND)('of $what', ({ bound, ...values }) => {
    const env = { PORT: '{port}', ADDRESS: '{address}', HOST: '{host}', PATH_TO: '{path}' };
    expect(tunnelExports({ name: 'db-main', env }, bound)).toEqual({
      TUNNEL_DB_MAIN_PORT: values.port,
      TUNNEL_DB_MAIN_ADDRESS: values.address,
      PORT: values.port,
      ADDRESS: values.address,
      HOST: values.host,
      PATH_TO: values.path,
    });
  });

  test('fills in each place of a value and leaves other braces alone', () => {
    const env = { URL: 'postgres://{address}:{port}/db?alt={port}', JSON: '{"port":{port},"user":{user}}' };
    const exports = tunnelExports({ name: 'db', env }, tcp('localhost', 5432));
    expect(exports['URL']).toBe('postgres://127.0.0.1:5432/db?alt=5432');
    expect(exports['JSON']).toBe('{"port":5432,"user":{user}}');
  });

  test("a tunnel's own variable wins over the one that is always there", () => {
    expect(tunnelExports({ name: 'db', env: { TUNNEL_DB_PORT: 'mine' } }, tcp('localhost', 1))['TUNNEL_DB_PORT']).toBe('mine');
  });
});
