import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, isAbsolute, join } from 'node:path';
import { expect, it } from 'vitest';
import { createDemoProject } from '../../src/demo/project.ts';
import { remove, scratch } from '../helpers/scratch.ts';

const network = {
  bastion: { port: 2222, fingerprint: 'SHA256:b' },
  testServer: { fingerprint: 'SHA256:t' },
  user: 'deploy',
  userKey: 'KEY',
  close: async () => undefined,
};

it('is the committed example, with an override that names the embedded servers', async () => {
  const project = await createDemoProject(network);
  try {
    expect(readFileSync(project.files[0], 'utf8')).toBe(readFileSync('examples/double-tunnel/tunnels.yaml', 'utf8'));
    const override = JSON.parse(readFileSync(project.files[1], 'utf8')) as { hosts: Record<string, { identity_file: string }> };
    expect(override).toMatchObject({
      hosts: {
        bastion: { hostname: '127.0.0.1', port: 2222, host_key: 'SHA256:b', agent: 'none', ssh_config: false },
        'test-server': { port: 22, host_key: 'SHA256:t', user: 'deploy' },
      },
      tunnels: { git: { ingress: project.port } },
    });
    expect(statSync(override.hosts.bastion?.identity_file ?? '').mode & 0o777).toBe(0o600);
    project.edit(['egress: git-server:7999', 'egress: elsewhere:1'], '# more\n');
    expect(readFileSync(project.files[0], 'utf8')).toMatch(/egress: elsewhere:1[\s\S]*# more\n$/);
    expect(() => project.edit(['not there', ''], '')).toThrow('has no "not there" to edit');
  } finally {
    project.remove();
  }
  expect(existsSync(project.directory)).toBe(false);
});

it('in a directory of its user the schema is where it is', async () => {
  const directory = join(scratch('demo'), 'mine');
  const project = await createDemoProject(network, directory);
  try {
    const schema = /\$schema=(.*)/.exec(project.text)?.[1] ?? '';
    expect(isAbsolute(schema)).toBe(true);
    expect(JSON.parse(readFileSync(schema, 'utf8'))).toHaveProperty('$schema');
  } finally {
    project.remove();
    remove(dirname(directory));
  }
});

it('takes another port where the one of the example is busy', async () => {
  const server = createServer();
  // Somebody else may have it already, which is just as well.
  await new Promise<void>((resolve) => void server.once('error', () => resolve()).listen(7999, '127.0.0.1', resolve));
  try {
    const project = await createDemoProject(network);
    project.remove();
    expect(project.port).not.toBe(7999);
    expect(project.port).toBeGreaterThan(0);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});
