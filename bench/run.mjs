/** `npm run bench`: builds the program and the bench, each for this run alone, and runs it. `-- --help` says what there is. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { bin, inRoot, prepare, root, runOrExit } from '../scripts/prepare.mjs';
import { ensurePrograms } from '../scripts/programs.mjs';

prepare();
const programs = ensurePrograms();
if (programs.missing.includes('sshd')) {
  console.error('There is no sshd: install openssh-server.');
  process.exit(1);
}
// Not dist/ itself: a build in the middle of a run would pull the program from under it.
const out = inRoot('.cache', `bench-${process.pid}`);
process.once('exit', () => rmSync(out, { recursive: true, force: true }));
const build = (...args) =>
  runOrExit(process.execPath, [bin('tsdown', 'tsdown'), '--logLevel', 'error', ...args], { stdio: ['ignore', 2, 2] });
const given = process.env.TUNNELS_BENCH_PROGRAM;
const measures = !['--help', '-h', '--write-up'].some((word) => process.argv.includes(word));
if (given === undefined && measures) build('--out-dir', `${out}/program`);
build(
  '--no-config',
  '--platform',
  'node',
  '--format',
  'esm',
  '--no-dts',
  '--out-dir',
  `${out}/bench`,
  ...['main', 'endpoint', 'link'].map((name) => inRoot('bench', `${name}.ts`)),
);

const child = spawn(process.execPath, [`${out}/bench/main.mjs`, ...process.argv.slice(2)], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
  env: {
    ...programs.env,
    ...(given === undefined ? { TUNNELS_BENCH_PROGRAM: `${out}/program/main.js` } : { TUNNELS_BENCH_ELSEWHERE: 'yes' }),
  },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.once('close', (code) => process.exit(code ?? 1));
