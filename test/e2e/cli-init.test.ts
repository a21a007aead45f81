/** `init`, by flags and by questions in a real terminal. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProject, programFile, type Project } from '../helpers/project.ts';
import { startTerminal, type Terminal } from '../helpers/terminal.ts';

let project: Project;
let terminal: Terminal | undefined;
beforeEach(() => {
  project = createProject({ sshConfig: 'Host prod staging *.internal\n  User deploy\n' });
});
afterEach(async () => {
  terminal?.stop();
  terminal = undefined;
  await project.remove();
});

const written = (file = 'tunnels.yaml'): string => readFileSync(join(project.dir, file), 'utf8');

describe('with --yes', () => {
  it.each([
    ['', ['type: local', 'hostname: bastion.example.com']],
    ['--kind remote --host root@gw.example.com', ['type: remote', 'gw:', 'user: root']],
    ['--kind dynamic --host prod', ['type: dynamic', 'prod: {}']],
    ['--kind double', ['inner:', 'outer:', 'via: bastion']],
  ])('%s writes a file that is valid and is not written twice', async (words, lines) => {
    const args = ['init', '--yes', ...words.split(' ').filter(Boolean)];
    expect(await project.run(args)).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('Wrote tunnels.yaml') as string });
    for (const line of lines) expect(written()).toContain(line);
    expect(await project.run(['config', '-q'])).toMatchObject({ code: 0, stderr: '' });
    const before = written();
    const again = await project.run(args);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('there is a tunnels.yaml already') as string });
    expect(written()).toBe(before);
  });

  it('writes where -f says, and only shows it with --dry-run', async () => {
    expect((await project.run(['init', '-y', '--dry-run'])).stdout).toContain('tunnels:');
    expect(readdirSync(project.dir)).toEqual([]);
    expect(await project.run(['init', '-y', '-f', 'other.yaml'])).toMatchObject({ code: 0 });
    expect(readdirSync(project.dir)).toEqual(['other.yaml']);
  });

  it('knows that a tunnels.yml is a file, too', async () => {
    writeFileSync(join(project.dir, 'tunnels.yml'), 'mine');
    expect(await project.run(['init', '-y'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is a tunnels.yml already') as string,
    });
    expect(readdirSync(project.dir)).toEqual(['tunnels.yml']);
  });

  it('refuses what is no host, and a folder that is not there', async () => {
    expect(await project.run(['init', '-y', '--host', '-oProxyCommand=x'])).toMatchObject({ code: 2 });
    expect(await project.run(['init', '-y', '-f', 'no/such/file.yaml'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ENOENT') as string,
    });
  });
});

it('without a terminal and without --yes it ends with 2 and says which flag', async () => {
  const { code, stderr } = await project.run(['init']);
  expect(code).toBe(2);
  expect(stderr).toContain('--yes');
  expect(existsSync(join(project.dir, 'tunnels.yaml'))).toBe(false);
});

describe('on a terminal', () => {
  async function start(): Promise<Terminal> {
    const command = ['sh', '-c', `${process.execPath} ${programFile()} init; echo "ended with $?"; exec cat`];
    terminal = await startTerminal({ command, cwd: project.dir, env: { ...project.env, TERM: 'screen-256color' }, columns: 100, rows: 40 });
    return terminal;
  }

  it('asks for the kind, offers the hosts of ~/.ssh/config, and writes what was answered', async () => {
    const asked = await start();
    await asked.untilShows(/What kind of tunnel\?/);
    asked.type('\u001b[B\r');
    const hosts = await asked.untilShows(/Through which host\?[^]*another one/);
    expect(hosts).toMatch(/prod/);
    expect(hosts).not.toContain('.internal');
    asked.type('\u001b[B\r');
    await asked.untilShows(/Where does it listen, on staging\?/);
    asked.type('\u0015nonsense\r');
    await asked.untilShows(/has no port/);
    asked.type('\u00159090\r');
    await asked.untilShows(/Where do its connections come out\?/);
    asked.type('\r');
    await asked.untilShows(/ended with 0/);
    expect(written()).toContain('# as: ssh -N -R 9090:localhost:3000 staging');
    expect(await project.run(['config', '-q'])).toMatchObject({ code: 0, stderr: '' });
  });

  it('asks before it replaces a file, and no is no', async () => {
    project.write('mine: 1\n');
    const asked = await start();
    await asked.untilShows(/There is a tunnels\.yaml already\. Replace it\?/);
    asked.type('\r');
    await asked.untilShows(/ended with 130/);
    expect(written()).toBe('mine: 1\n');
  });

  it('writes nothing at Ctrl-C', async () => {
    const asked = await start();
    await asked.untilShows(/What kind of tunnel\?/);
    asked.type('\u0003');
    await asked.untilShows(/Nothing was written\.\s+ended with 130/);
    expect(readdirSync(project.dir)).toEqual([]);
  });
});
