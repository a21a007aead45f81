/**
 * How long the commands around a running project take to answer, next to node doing nothing, with many tunnels up.
 *   node bench/ps.mjs [RUNS [TUNNELS]]
 * The contract: ps, port and env within 150 ms of `node -e 0` with 1,000 tunnels up. Builds the program first; the tunnels go to an
 * SSH server inside this process. The difference of the best runs is what counts; ends with 1 where it is over.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { bin, inRoot, prepare, runOrExit } from '../scripts/prepare.mjs';

const [runs = 20, count = 1000] = process.argv.slice(2).map(Number);
if (![runs, count].every((each) => Number.isInteger(each) && each > 0)) {
  console.error('usage: node bench/ps.mjs [RUNS [TUNNELS]]');
  process.exit(2);
}
const LIMIT = 150;

prepare();
runOrExit(process.execPath, [bin('tsdown', 'tsdown'), '--logLevel', 'error'], { stdio: ['ignore', 2, 2] });

const main = inRoot('dist', 'main.js');
const home = mkdtempSync(join(tmpdir(), 'tunnels-bench-'));
const env = { PATH: process.env.PATH, HOME: home, USER: 'bench', NO_COLOR: '1', TUNNELS_STATE_DIR: join(home, 's') };

const key = ssh2.utils.generateKeyPairSync('ed25519');
const server = new ssh2.Server({ hostKeys: [key.private] }, (client) => {
  client.on('authentication', (attempt) => attempt.accept()).on('error', () => undefined);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

const fingerprint = createHash('sha256').update(ssh2.utils.parseKey(key.public).getPublicSSH()).digest('base64').replace(/=+$/, '');
const host = { hostname: '127.0.0.1', port: server.address().port, user: 'bench', host_key: `SHA256:${fingerprint}`, ssh_config: false };
const tunnels = Object.fromEntries(
  Array.from({ length: count }, (_, index) => [`t${index}`, { type: 'local', host: 'bastion', ingress: 0, egress: '127.0.0.1:9' }]),
);
// JSON is YAML.
writeFileSync(join(home, 'tunnels.yaml'), JSON.stringify({ name: 'bench', hosts: { bastion: { ...host, agent: 'none' } }, tunnels }));

/** Without blocking: the server is in this process. */
function run(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: home, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr.on('data', (chunk) => {
      text += chunk;
    });
    child.on('close', (status) => resolve({ status, text }));
  });
}

function once({ name, args }) {
  const from = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: home, env, encoding: 'utf8', maxBuffer: 1 << 26 });
  const took = performance.now() - from;
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
  return took;
}

const CASES = [
  { name: 'node -e 0', args: ['-e', '0'] },
  { name: 'tunnels --version', args: [main, '--version'] },
  { name: 'tunnels ps', args: [main, 'ps'], limit: LIMIT },
  { name: 'tunnels ps --format json', args: [main, 'ps', '--format', 'json'], limit: LIMIT },
  { name: 'tunnels ps NAME', args: [main, 'ps', 't7'], limit: LIMIT },
  { name: 'tunnels port NAME', args: [main, 'port', 't7'], limit: LIMIT },
  { name: 'tunnels env', args: [main, 'env'], limit: LIMIT },
  { name: 'tunnels env NAME', args: [main, 'env', 't7'], limit: LIMIT },
];

const times = CASES.map(() => []);
try {
  const began = performance.now();
  const up = await run(['up', '-d', '--wait', '--progress', 'quiet']);
  if (up.status !== 0) throw new Error(`up -d ended with ${up.status}: ${up.text}`);
  console.log(`${count} tunnels up in ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  // In turns, so that a machine that slows down slows all of them.
  for (let turn = 0; turn <= runs; turn += 1)
    for (const [index, each] of CASES.entries()) {
      const took = once(each);
      // The first one fills the file cache.
      if (turn > 0) times[index].push(took);
    }
} finally {
  await run(['down', '-t', '0']);
  server.close();
  rmSync(home, { recursive: true, force: true });
}

const sorted = times.map((each) => each.sort((a, b) => a - b));
const [idle] = sorted.map((each) => each[0]);
const cell = (value, width = 10) => String(value).padStart(width);
console.log(`best of ${runs} runs, ms`.padEnd(30) + ['best', 'median', 'over node', 'limit'].map((head) => cell(head)).join(''));
let over = 0;
for (const [index, { name, limit }] of CASES.entries()) {
  const [best, median] = [sorted[index][0], sorted[index][Math.floor(runs / 2)]];
  const more = best - idle;
  if (limit !== undefined && more > limit) over += 1;
  const verdict = limit === undefined ? '' : `${limit}${more > limit ? ' OVER' : ''}`;
  console.log(name.padEnd(30) + [best.toFixed(1), median.toFixed(1), `+${more.toFixed(1)}`, verdict].map((each) => cell(each)).join(''));
}
process.exitCode = over === 0 ? 0 : 1;
