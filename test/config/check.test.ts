import { describe, expect, test } from 'vitest';
import { loadIn, loadText, projectWith } from './loading.ts';

describe('what only the whole graph shows', () => {
  test.each([
    [
      'a cycle, by the way it goes',
      `hosts: {bastion: {}, test: {via: bastion}}
tunnels:
  git-inner: {type: local, client: bastion, host: test, ingress: 2999, egress: "git-server:7999", depends_on: [git]}
  git: {type: local, host: bastion, ingress: 7999, egress: localhost:2999}
`,
      ['tunnels.yaml:3:112 a cycle: git-inner -> git -> git-inner, each needs the next to be up first: take one of the steps away'],
    ],
    [
      'two cycles, each once',
      `hosts: {a: {via: b}, b: {via: a}, c: {}}
tunnels:
  one: {type: local, host: c, ingress: 1, egress: "x:1", depends_on: [one]}
  two: -L 2:x:1 a
`,
      [
        'tunnels.yaml:1:9 a cycle: a -> b -> a, each needs the next to be up first: take one of the steps away',
        'tunnels.yaml:3:71 a cycle: one -> one, each needs the next to be up first: take one of the steps away',
      ],
    ],
    [
      'a host that is reached through its own tunnel',
      `hosts:\n  a: {hostname: localhost, port: 2222}\ntunnels:\n  one: -L 2222:a:22 a\n`,
      ['tunnels.yaml:2:3 a cycle: a -> one -> a, each needs the next to be up first: take one of the steps away'],
    ],
    [
      'listeners that collide, with the line of the other',
      'hosts: {a: {}}\ntunnels:\n  one: -L 8080:x:1 a\n  two: -g -D 8080 a\n  three: -R 8080:x:1 a\n',
      ['tunnels.yaml:4:14 "two" cannot listen on *:8080 of this machine: "one" does (line 3), give one of them another port'],
    ],
    [
      'listeners that collide on a host',
      'hosts: {a: {}}\ntunnels:\n  one: -R 8080:x:1 a\n  two: -R 8080:x:2 a\n',
      ['tunnels.yaml:4:11 "two" cannot listen on localhost:8080 of a: "one" does (line 3), give one of them another port'],
    ],
    [
      'a port to connect to that nobody allocates',
      'hosts: {a: {}}\ntunnels:\n  one: -L 8080:localhost:0 a\n',
      [
        'tunnels.yaml:3:16 the port of the egress is 0, which stands for a port that is allocated to a tunnel there, and no tunnel has an ingress of 0 there, write the port',
      ],
    ],
    [
      'a port to connect to that two allocate',
      'hosts: {a: {}}\ntunnels:\n  r1: -R 0:x:1 a\n  r2: -R 0:x:2 a\n  one: -L 8080:localhost:0 a\n',
      ['tunnels.yaml:5:16 the port of the egress is 0, and "r1" and "r2" could be meant, say which one with depends_on'],
    ],
    [
      'a host whose port two allocate',
      'hosts: {a: {}, b: {hostname: localhost, port: 0}}\ntunnels:\n  l1: -L 0:x:1 a\n  l2: -L 0:x:2 a\n  one: -D 1080 b\n',
      [
        'tunnels.yaml:1:16 the port of "b" is 0, and "l1" and "l2" could be meant, give the tunnel in front of it a fixed ingress port, and write that port here',
      ],
    ],
  ])('%s', async (_, yaml, messages) => {
    expect((await loadText(yaml)).messages).toEqual(messages);
  });

  test('a name that two tunnels export is a warning', async () => {
    const env = 'env: {URL: "{port}"}';
    const { messages, loaded } = await loadText(
      `hosts: {a: {}}\ntunnels:\n  one: {type: dynamic, host: a, ingress: 1, ${env}}\n  two: {type: dynamic, host: a, ingress: 2, ${env}}\n`,
    );
    expect(messages).toEqual(['tunnels.yaml:4:51 "one" exports URL too, the last one wins']);
    expect(loaded).not.toBeNull();
  });

  test('the line of the other is with its file, where that is another', async () => {
    const cwd = projectWith({
      'tunnels.yaml': 'hosts: {a: {}}\ntunnels:\n  one: -L 8080:x:1 a\n',
      'tunnels.override.yaml': 'tunnels:\n  two: -L 8080:x:2 a\n',
    });
    expect((await loadIn(cwd)).messages).toEqual([
      'tunnels.override.yaml:2:11 "two" cannot listen on localhost:8080 of this machine: "one" does (tunnels.yaml:3), give one of them another port',
    ]);
  });
});
