import { mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAX_SOCKET_PATH, projectFolder, projectIdentity, stateRoot } from '../../src/daemon/paths.ts';
import { remove, scratch } from '../helpers/scratch.ts';

describe('the state root is', () => {
  test.each([
    { what: 'TUNNELS_STATE_DIR before all', env: { TUNNELS_STATE_DIR: '/s', XDG_RUNTIME_DIR: '/run/user/1' }, root: '/s' },
    { what: 'in XDG_RUNTIME_DIR', env: { XDG_RUNTIME_DIR: '/run/user/1', XDG_STATE_HOME: '/x' }, root: '/run/user/1/tunnels' },
    { what: 'in XDG_STATE_HOME without it', env: { XDG_STATE_HOME: '/x' }, root: '/x/tunnels' },
    { what: 'in the home directory without both', env: {}, root: '/home/u/.local/state/tunnels' },
    { what: 'not in a relative XDG directory', env: { XDG_RUNTIME_DIR: 'run' }, root: '/home/u/.local/state/tunnels' },
    { what: 'not in an empty one', env: { TUNNELS_STATE_DIR: '', XDG_RUNTIME_DIR: '' }, root: '/home/u/.local/state/tunnels' },
  ])('$what', ({ env, root }) => expect(stateRoot(env, '/home/u')).toBe(root));
});

describe("a project's folder", () => {
  test.each([
    { file: '/home/u/shop/tunnels.yaml', name: /^shop-[0-9a-f]{12}$/ },
    { file: '/home/u/shop/tunnels.yml', name: /^shop-[0-9a-f]{12}$/ },
    { file: '/home/u/shop/dev.yaml', name: /^shop-dev-[0-9a-f]{12}$/ },
    { file: '/home/u/Größe & mehr/tunnels.yaml', name: /^gr-e-mehr-[0-9a-f]{12}$/ },
    { file: '/tunnels.yaml', name: /^project-[0-9a-f]{12}$/ },
    { file: `/home/u/${'long'.repeat(30)}/tunnels.yaml`, name: /^(long){6}-[0-9a-f]{12}$/ },
  ])('of $file is readable', ({ file, name }) => {
    expect(projectFolder('/run/user/1000/tunnels', file)).toMatch(new RegExp(`^/run/user/1000/tunnels/${name.source.slice(1)}`));
  });

  test('is another one for another file of the same name', () => {
    expect(projectFolder('/s', '/a/shop/tunnels.yaml')).not.toBe(projectFolder('/s', '/b/shop/tunnels.yaml'));
  });

  test('gives up its readable part where the path would be too long for a socket', () => {
    const root = `/${'r'.repeat(MAX_SOCKET_PATH - 50)}`;
    expect(projectFolder(root, '/home/u/a-project-with-a-name/tunnels.yaml')).toMatch(/\/[0-9a-f]{12}$/);
  });

  test('always leaves room for the socket', () => {
    for (let length = 1; length < 64; length += 1) {
      const folder = projectFolder(`/${'r'.repeat(length - 1)}`, '/home/u/some-longer-project-name/tunnels.yaml');
      expect(Buffer.byteLength(`${folder}/control-4194304-0123abcd.sock`)).toBeLessThanOrEqual(MAX_SOCKET_PATH);
    }
  });

  test('that cannot be is an error which says what to do', () => {
    const root = `/${'é'.repeat(40)}`;
    expect(() => projectFolder(root, '/p/tunnels.yaml')).toThrow(
      expect.objectContaining({ code: 'state-directory', hint: expect.stringContaining('TUNNELS_STATE_DIR') }),
    );
  });
});

describe('the identity of a project', () => {
  let dir = '';
  beforeEach(() => {
    dir = realpathSync(scratch('id'));
  });
  afterEach(() => remove(dir));

  test('is the real path, by whatever links it is reached', async () => {
    mkdirSync(join(dir, 'real'));
    writeFileSync(join(dir, 'real', 'tunnels.yaml'), '');
    symlinkSync(join(dir, 'real'), join(dir, 'link'));
    symlinkSync(join(dir, 'real', 'tunnels.yaml'), join(dir, 'alias.yaml'));
    const identity = join(dir, 'real', 'tunnels.yaml');
    expect(await projectIdentity(join(dir, 'link', 'tunnels.yaml'))).toBe(identity);
    expect(await projectIdentity(join(dir, 'alias.yaml'))).toBe(identity);
  });

  test('stays when the file is removed', async () => {
    mkdirSync(join(dir, 'real'));
    symlinkSync(join(dir, 'real'), join(dir, 'link'));
    writeFileSync(join(dir, 'real', 'tunnels.yaml'), '');
    const before = await projectIdentity(join(dir, 'link', 'tunnels.yaml'));
    rmSync(join(dir, 'real', 'tunnels.yaml'));
    expect(await projectIdentity(join(dir, 'link', 'tunnels.yaml'))).toBe(before);
  });
});
