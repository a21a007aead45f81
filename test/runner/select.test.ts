import { expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { selectTunnels } from '../../src/runner/select.ts';
import { doubleTunnel, hostSpec, project, tunnelSpec } from '../helpers/spec.ts';

const both = project(
  [...doubleTunnel().hosts.values(), hostSpec('other'), hostSpec('far')],
  [
    ...doubleTunnel().tunnels.values(),
    tunnelSpec('web', { hosts: ['other'] }),
    tunnelSpec('launched', {
      client: 'other',
      hosts: ['far'],
      launch: 'ssh',
      ingress: tcp('localhost', 1),
      dependsOn: [{ tunnel: 'web', condition: 'open' }],
    }),
  ],
);

it.each<[string, readonly string[], boolean, string[], string[]]>([
  ['nothing named is everything', [], false, ['git-inner', 'git', 'web', 'launched'], ['bastion', 'test-server', 'other', 'far']],
  ['one with all it needs', ['git'], false, ['git-inner', 'git'], ['bastion', 'test-server']],
  ['one without the tunnels it needs', ['git'], true, ['git'], ['bastion']],
  ['what depends_on names', ['launched'], false, ['web', 'launched'], ['other', 'far']],
  ['the host of a launched ssh has no session and is kept', ['launched'], true, ['launched'], ['other', 'far']],
])('%s', (_, names, noDeps, tunnels, hosts) => {
  const selected = selectTunnels(both, names, { noDeps });
  expect([...selected.tunnels.keys()]).toEqual(tunnels);
  expect([...selected.hosts.keys()].toSorted()).toEqual(hosts.toSorted());
});

it('without its needs a tunnel does not wait for them either', () => {
  expect(selectTunnels(both, ['launched'], { noDeps: true }).tunnels.get('launched')?.dependsOn).toEqual([]);
});
