/**
 * The programs the tests talk to: a real sshd, the OpenSSH client, Redis, PostgreSQL, git, curl, tmux. Taken from the system; where one is missing,
 * installed by apt as root, else unpacked from its Debian package into .cache/debian, which needs no rights.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { inRoot } from './prepare.mjs';

/** Program to Debian package. */
const NEEDED = {
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  'ssh-keyscan': 'openssh-client',
  'ssh-agent': 'openssh-client',
  'ssh-add': 'openssh-client',
  'redis-server': 'redis-server',
  'redis-cli': 'redis-tools',
  initdb: 'postgresql',
  git: 'git',
  curl: 'curl',
  openssl: 'openssl',
  tmux: 'tmux',
};
/** For the tests that make machines of their own, which only root can. */
const NEEDED_BY_ROOT = { ip: 'iproute2', unshare: 'util-linux' };
/** Shells that are tested where they are: root gets them, and nothing is missing without. */
const WELCOME = { zsh: 'zsh', fish: 'fish' };

const UNPACKED = inRoot('.cache', 'debian');
const SYSTEM_DIRS = ['/usr/sbin', '/sbin', '/usr/local/sbin', '/usr/bin', '/bin'];
const UNPACKED_DIRS = ['usr/sbin', 'usr/bin', 'sbin', 'bin'].map((dir) => join(UNPACKED, dir));
/** Debian keeps the server's programs of each version of PostgreSQL off the PATH. */
const POSTGRES = ['/usr/lib/postgresql', join(UNPACKED, 'usr/lib/postgresql')];
const isRoot = process.getuid?.() === 0;

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const postgresDirs = () => POSTGRES.flatMap((dir) => (existsSync(dir) ? readdirSync(dir).map((version) => join(dir, version, 'bin')) : []));

const searchPath = () => [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_DIRS, ...UNPACKED_DIRS, ...postgresDirs()];

const find = (program) =>
  searchPath()
    .map((dir) => join(dir, program))
    .find(isExecutable);

const missing = () => Object.entries({ ...NEEDED, ...(isRoot ? NEEDED_BY_ROOT : {}) }).filter(([program]) => find(program) === undefined);

const quiet = (command, args, options = {}) =>
  spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, timeout: 300_000, ...options });

const has = (command) => quiet('sh', ['-c', `command -v ${command}`]).status === 0;

const POLICY = '/usr/sbin/policy-rc.d';

/** Installs with apt. Debian starts a service it installs; tests need the program only, so that is refused meanwhile. */
function installByApt(packages) {
  const ours = !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const install = () => quiet('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages]);
    let result = install();
    if (result.status !== 0) {
      quiet('apt-get', ['update', '-q']);
      result = install();
    }
    return result.status === 0 ? null : lastLines(result.stderr);
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}

const lastLines = (text) => (text ?? '').trim().split('\n').slice(-3).join('\n');

/** Downloads the packages and those they need that are not installed into `dir`; gives what went wrong, or null. */
function download(packages, dir, options) {
  const plan = quiet('apt-get', [...options, 'install', '--print-uris', '-y', '-q', '--no-install-recommends', ...packages]);
  if (plan.status !== 0) return lastLines(plan.stderr);
  const needed = [...plan.stdout.matchAll(/^'[^']+' ([^_\s]+)_/gm)].map((match) => match[1]);
  // Also those that are installed and yet have no program to show for it.
  const downloaded = quiet('apt-get', [...options, 'download', ...new Set([...packages, ...needed])], { cwd: dir });
  return downloaded.status === 0 ? null : lastLines(downloaded.stderr);
}

/** Puts the packages into UNPACKED; nothing of the system is touched, and no rights are needed. */
function unpack(packages) {
  const state = inRoot('.cache', 'apt');
  const debs = join(state, 'debs');
  for (const dir of [join(state, 'lists', 'partial'), join(state, 'archives', 'partial'), debs, UNPACKED])
    mkdirSync(dir, { recursive: true });
  const settings = (more) =>
    ['Debug::NoLocking=1', `Dir::Cache=${state}`, `Dir::State::extended_states=${state}/states`, ...more].flatMap((each) => ['-o', each]);
  if (download(packages, debs, settings([])) !== null) {
    // The system has no package lists, or old ones: fetch some for ourselves.
    const options = settings([`Dir::State::lists=${state}/lists`]);
    quiet('apt-get', [...options, 'update', '-q']);
    const problem = download(packages, debs, options);
    if (problem !== null) return problem;
  }
  for (const deb of readdirSync(debs).filter((file) => file.endsWith('.deb'))) {
    const unpacked = quiet('dpkg', ['-x', join(debs, deb), UNPACKED]);
    if (unpacked.status !== 0) return lastLines(unpacked.stderr);
  }
  rmSync(state, { recursive: true, force: true });
  return null;
}

function libraryDirs() {
  const dirs = [];
  for (const base of ['usr/lib', 'lib']) {
    const dir = join(UNPACKED, base);
    if (!existsSync(dir)) continue;
    dirs.push(
      dir,
      ...readdirSync(dir)
        .filter((name) => name.endsWith('-linux-gnu'))
        .map((name) => join(dir, name)),
    );
  }
  return dirs;
}

/**
 * Makes the programs be there as far as it can.
 * @returns {{env: Record<string, string>, missing: string[], problem: string | null}} what to add to the environment of the tests,
 * and the programs that could not be had.
 */
export function ensurePrograms() {
  let problem = null;
  const packages = [...new Set(missing().map(([, name]) => name))];
  const welcome = isRoot && has('apt-get') ? Object.keys(WELCOME).filter((program) => find(program) === undefined) : [];
  if (welcome.length > 0) {
    console.error(`Getting ${welcome.join(', ')} for the tests …`);
    installByApt(welcome.map((program) => WELCOME[program]));
  }
  if (packages.length > 0) {
    if (!has('apt-get')) problem = `install ${packages.join(', ')} with this system's package manager`;
    else {
      console.error(`Getting ${packages.join(', ')} for the tests …`);
      problem = (isRoot ? installByApt : unpack)(packages);
    }
  }
  const sshd = find('sshd');
  const libraries = libraryDirs();
  const env = {
    ...process.env,
    PATH: [...new Set(searchPath())].filter((dir) => existsSync(dir)).join(delimiter),
    ...(sshd === undefined ? {} : { TUNNELS_TEST_SSHD: sshd }),
    ...(libraries.length === 0 ? {} : { LD_LIBRARY_PATH: [...libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter) }),
  };
  // With it each process of node reads and checks a file of certificates as it starts, for tens of milliseconds, and nobody here asks for one.
  delete env.NODE_EXTRA_CA_CERTS;
  return { env, missing: missing().map(([program]) => program), problem };
}
