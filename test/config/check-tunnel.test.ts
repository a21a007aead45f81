import { describe, expect, test } from 'vitest';
import { loadText, projectOf } from './loading.ts';

const HOSTS = 'hosts: {a: {}, b: {}, c: {}}\n';
const said = async (tunnel: string, head = ''): Promise<readonly string[]> =>
  (await loadText(`${HOSTS}${head}tunnels:\n  web: {${tunnel}}\n`)).diagnostics.map(
    ({ severity, message, hint }) => `${severity === 'warning' ? 'warning: ' : ''}${message}${hint === null ? '' : `, ${hint}`}`,
  );

const LOCAL = 'type: local, host: a, ingress: 8080, egress: "web:80"';

describe('what contradicts the rest of a tunnel is said with the way out', () => {
  test.each([
    ['type: remote, host: a, ingress: 80, egress: 80, start: on-demand', 'listens on its host'],
    ['type: remote-dynamic, host: a, ingress: 80, start: on-demand', 'listens on its host'],
    [`${LOCAL}, client: b, start: on-demand`, 'listens on b'],
    [`${LOCAL}, client: b, launch: ssh, start: on-demand`, 'listens on b'],
  ])('on-demand: %s', async (tunnel, why) => {
    expect(await said(tunnel)).toEqual([
      `start: on-demand needs an ingress on this machine, and "web" ${why}, write start: eager: to listen there takes a connection`,
    ]);
  });

  test.each([
    [
      'http of a proxy',
      'type: dynamic, host: a, ingress: 1080, healthcheck: {http: /}',
      'healthcheck: http asks the egress, and a dynamic tunnel has none: its clients say where to, write tcp: true, which asks the host that carries it',
    ],
    [
      'a healthcheck that checks nothing',
      `${LOCAL}, healthcheck: {retries: 2}`,
      'healthcheck has none of tcp, http and command, write tcp: true or http: /PATH',
    ],
    [
      'a command as compose has it',
      `${LOCAL}, healthcheck: {command: [CMD-SHELL, "pg_isready || exit 1"]}`,
      'CMD-SHELL is no program here, write the words of the command alone; a shell is a command too: [sh, -c, "…"]',
    ],
    [
      'a host that is listed twice',
      'type: local, host: [a, b, a], ingress: 1, egress: 2',
      '"a" is in the list twice, the hosts of a list are tried in order: name each once',
    ],
    ['a time that would keep it busy for nothing', `${LOCAL}, healthcheck: {tcp: true, interval: 1ms}`, 'interval must be at least 100 ms'],
  ])('%s', async (_, tunnel, words) => {
    expect(await said(tunnel)).toEqual([words]);
  });
});

describe('what has no effect is a warning', () => {
  test.each([
    ['idle_timeout: 1m', 'idle_timeout has no effect without start: on-demand, write start: on-demand, or leave it out'],
    ['idle_timeout: 1m, start: eager', 'idle_timeout has no effect without start: on-demand, write start: on-demand, or leave it out'],
    ['socket_mode: 0660', 'socket_mode has no effect: the ingress is a port, and a port has no mode, allow says who may connect to a port'],
  ])('%s', async (key, words) => {
    expect(await said(`${LOCAL}, ${key}`)).toEqual([`warning: ${words}`]);
  });

  test('but not where it is a default, which may be meant for others', async () => {
    expect(await said(LOCAL, 'defaults: {tunnel: {idle_timeout: 1m, socket_mode: 0660}}\n')).toEqual([]);
  });
});

test('hosts of a list keep their order, and their own ways', async () => {
  const project = await projectOf(`${HOSTS}tunnels:\n  web: {type: local, host: [c, a, deploy@a], ingress: 1, egress: 2}\n`);
  expect(project.tunnels.get('web')?.hosts).toEqual(['c', 'a', 'deploy@a']);
  expect([...project.hosts.keys()].toSorted()).toEqual(['a', 'c', 'deploy@a']);
});
