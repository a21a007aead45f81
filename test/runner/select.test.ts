import { expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { activePart, selectTunnels } from '../../src/runner/select.ts';
import { alone, joined, nothingOf } from '../../src/runner/selection.ts';
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
  const selected = selectTunnels(both, alone({ names, noDeps }));
  expect([...selected.tunnels.keys()]).toEqual(tunnels);
  expect([...selected.hosts.keys()].toSorted()).toEqual(hosts.toSorted());
});

it('without its needs a tunnel does not wait for them either', () => {
  expect(selectTunnels(both, { only: [], bare: ['launched'] }).tunnels.get('launched')?.dependsOn).toEqual([]);
});

it('one without its needs takes nothing from the others', () => {
  const selected = selectTunnels(both, { only: ['git'], bare: ['launched'] });
  expect([...selected.tunnels.keys()]).toEqual(['git-inner', 'git', 'launched']);
  expect(selectTunnels(both, { only: ['web'], bare: ['launched'] }).tunnels.get('launched')?.dependsOn).toHaveLength(1);
});

it('nothing asked for is nothing', () => {
  expect([...selectTunnels(both, { only: [], bare: [] }).tunnels.keys()]).toEqual([]);
});

it('a range is asked for by its own name', () => {
  const ranges = project(
    [hostSpec('bastion')],
    ['ports-9000', 'ports-9001', 'ports-x', 'web-80'].map((name) => tunnelSpec(name)),
  );
  const names = (...asked: readonly string[]): string[] => [...selectTunnels(ranges, { only: asked, bare: [] }).tunnels.keys()];
  expect(names('ports')).toEqual(['ports-9000', 'ports-9001']);
  expect(names('ports-9001', 'web-80')).toEqual(['ports-9001', 'web-80']);
});

it('the active part is what loading would have given', () => {
  const specs = [
    tunnelSpec('web'),
    tunnelSpec('debug', { profiles: ['dev'] }),
    tunnelSpec('trace', { profiles: ['dev'] }),
    tunnelSpec('db-1', { profiles: ['db'] }),
  ];
  const all = project([hostSpec('bastion')], specs);
  const active = (profiles: readonly string[], ...names: readonly string[]): string[] => {
    const selection = joined(nothingOf({ cwd: '/', files: [], envFiles: [], profiles }), { names, noDeps: false });
    return [...activePart(all, selection).tunnels.keys()];
  };
  expect(active([])).toEqual(['web']);
  expect(active(['*'])).toEqual(['web', 'debug', 'trace', 'db-1']);
  expect(active([], 'debug')).toEqual(['web', 'debug', 'trace']);
  expect(active([], 'db')).toEqual(['web', 'db-1']);
});
