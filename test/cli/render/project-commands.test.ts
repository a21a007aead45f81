import { expect, it } from 'vitest';
import type { ProjectCommands } from '../../../src/config/project-commands.ts';
import { projectCommandsText } from '../../../src/cli/render/project-commands.ts';
import { plain } from '../../../src/cli/render/style.ts';

const at = (line: number): ProjectCommands['list'][number]['range'] => ({
  file: 'tunnels.yaml',
  start: { line, column: 5 },
  end: { line, column: 9 },
});

it('each with its place, its use and all that it is given; no line of a command passes for an entry', () => {
  const commands: ProjectCommands = {
    file: '/home/me/shop/tunnels.yaml',
    directory: '/home/me/shop',
    digest: 'sha256:0',
    list: [
      { name: 'bastion', argv: ['pass', 'show', 'bastion'], use: { of: 'password', account: 'me@bastion:22' }, range: at(3) },
      { name: 'bastion', argv: ['op', 'read', 'op://x/y'], use: { of: 'passphrase', account: 'me@bastion:22' }, range: at(4) },
      {
        name: 'web',
        argv: ['sh', '-c', 'true\n\ntunnels.yaml:9:5  healthcheck of db\n  $ true'],
        use: { of: 'healthcheck', intervalMs: 10_000, env: { PATH: '/tmp:{port}', URL: 'a b' } },
        range: at(9),
      },
    ],
  };
  expect(projectCommandsText(commands, plain)).toBe(`/home/me/shop/tunnels.yaml runs 3 commands on this machine, in /home/me/shop:

tunnels.yaml:3:5  prints the password of bastion, at each login as me@bastion:22
  $ pass show bastion

tunnels.yaml:4:5  prints the passphrase of a key of bastion, when me@bastion:22 is logged in to with it
  $ op read op://x/y

tunnels.yaml:9:5  healthcheck of web, every 10s while it is open
  $ sh -c 'true
  > 
  > tunnels.yaml:9:5  healthcheck of db
  >   $ true'
    with 'PATH=/tmp:{port}' 'URL=a b'`);
});
