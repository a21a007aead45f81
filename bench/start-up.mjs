/**
 * How long the program takes to answer, next to node doing nothing. Builds it first.
 *   node bench/start-up.mjs [RUNS]
 * The contract: --version within 60 ms of `node -e 0`, config -q within 150 ms of it. The difference of the best runs is
 * what counts, for the other runs are the machine's; ends with 1 where it is over.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin, inRoot, prepare, root, runOrExit } from '../scripts/prepare.mjs';

const runs = Number(process.argv[2] ?? 20);
if (!Number.isInteger(runs) || runs < 1) {
  console.error('usage: node bench/start-up.mjs [RUNS]');
  process.exit(2);
}

prepare();
runOrExit(process.execPath, [bin('tsdown', 'tsdown'), '--logLevel', 'error'], { stdio: ['ignore', 2, 2] });

const main = inRoot('dist', 'main.js');
const home = mkdtempSync(join(tmpdir(), 'tunnels-bench-'));
// Of the user's own nothing is read: neither ~/.ssh/config nor TUNNELS_*.
const env = { PATH: process.env.PATH, HOME: home, NO_COLOR: '1' };
const example = (name) => ['-f', inRoot('examples', name, 'tunnels.yaml')];

const CASES = [
  { name: 'node -e 0', args: ['-e', '0'] },
  { name: 'tunnels --version', args: [main, '--version'], limit: 60 },
  { name: 'tunnels config -q (1 host)', args: [main, ...example('local'), 'config', '-q'], limit: 150 },
  { name: 'tunnels config -q (4 hosts)', args: [main, ...example('long-chain'), 'config', '-q'], limit: 150 },
  { name: 'tunnels graph', args: [main, ...example('double-tunnel'), 'graph'] },
];

function once({ args, name }) {
  const from = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' });
  const took = performance.now() - from;
  if (status !== 0) {
    console.error(`${name} ended with ${status}: ${stderr}`);
    process.exit(1);
  }
  return took;
}

const times = CASES.map(() => []);
try {
  // In turns, so that a machine that slows down slows all of them.
  for (let run = 0; run <= runs; run += 1)
    for (const [index, each] of CASES.entries()) {
      const took = once(each);
      // The first one fills the file cache.
      if (run > 0) times[index].push(took);
    }
} finally {
  rmSync(home, { recursive: true, force: true });
}

const sorted = times.map((each) => each.sort((a, b) => a - b));
const [idle] = sorted.map((each) => each[0]);
const cell = (value, width = 10) => String(value).padStart(width);
console.log(
  `${'best of ' + runs + ' runs, ms'.padEnd(12)}`.padEnd(30) +
    ['best', 'median', 'over node', 'ratio', 'limit'].map((head) => cell(head)).join(''),
);
let over = 0;
for (const [index, { name, limit }] of CASES.entries()) {
  const [best, median] = [sorted[index][0], sorted[index][Math.floor(runs / 2)]];
  const more = best - idle;
  if (limit !== undefined && more > limit) over += 1;
  const verdict = limit === undefined ? '' : `${limit}${more > limit ? ' OVER' : ''}`;
  console.log(
    name.padEnd(30) +
      [best.toFixed(1), median.toFixed(1), `+${more.toFixed(1)}`, (best / idle).toFixed(2), verdict].map((each) => cell(each)).join(''),
  );
}
process.exitCode = over === 0 ? 0 : 1;
