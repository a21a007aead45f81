/** `npm run soak -- --minutes N --seed S`: random faults under traffic on real sshds, then three thousand reconnects. Prints its figures. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { bin, inRoot, prepare, root } from './prepare.mjs';
import { ensurePrograms } from './programs.mjs';

const USAGE = 'usage: npm run soak -- [--minutes N] [--seed S]   (default: 10 minutes, and a seed that is printed)';

function fail(message) {
  console.error(`${message}\n${USAGE}`);
  process.exit(2);
}

function options() {
  try {
    return parseArgs({ options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } } }).values;
  } catch (error) {
    return fail(error.message);
  }
}

const values = options();
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);
if (!(minutes > 0)) fail(`--minutes ${values.minutes} is no number above 0`);
if (!Number.isSafeInteger(seed) || seed < 0) fail(`--seed ${values.seed} is no whole number from 0 on`);

prepare();
const programs = ensurePrograms();
if (programs.missing.includes('sshd')) {
  console.error('There is no sshd: install openssh-server.');
  process.exit(1);
}
console.log(`soak: ${minutes} minutes, seed ${seed}`);
const run = spawnSync(
  process.execPath,
  [bin('vitest', 'vitest'), 'run', '--config', inRoot('test', 'soak', 'vitest.config.ts'), '--reporter=default'],
  {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...programs.env, SOAK_MINUTES: String(minutes), SOAK_SEED: String(seed) },
  },
);
if (run.error) console.error(`cannot run vitest: ${run.error.message}`);
process.exit(run.status ?? 1);
