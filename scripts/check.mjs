/** Types, lint, format, and the unit tests with the layers test: what to run before a commit. `--no-unit` leaves the tests out. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { bin, inRoot, prepare, root } from './prepare.mjs';

prepare();
mkdirSync(inRoot('.cache'), { recursive: true });

const unit = !process.argv.includes('--no-unit');
const CHECKS = [
  ['types', bin('typescript', 'tsc'), '-p', '.', '--incremental', '--tsBuildInfoFile', '.cache/check.tsbuildinfo'],
  ['lint', bin('oxlint', 'oxlint'), '--type-aware', '--deny-warnings'],
  ['format', bin('@biomejs/biome', 'biome'), 'format'],
  ...(unit ? [['unit', bin('vitest', 'vitest'), 'run', '--project', 'unit*', '--reporter', 'dot']] : []),
];

function run([name, ...command]) {
  return new Promise((resolve) => {
    const from = performance.now();
    const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('close', (code) => resolve({ name, ok: code === 0, output, seconds: ((performance.now() - from) / 1000).toFixed(1) }));
  });
}

const report = ({ name, ok, output, seconds }) => {
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (!ok) console.log(output.trimEnd().replaceAll(/^/gm, '       '));
};

const results = await Promise.all(
  CHECKS.map(async (check) => {
    const result = await run(check);
    report(result);
    return result;
  }),
);
const failed = results.filter((result) => !result.ok);
console.log(failed.length === 0 ? 'All checks passed.' : `Failed: ${failed.map((result) => result.name).join(', ')}.`);
process.exitCode = failed.length === 0 ? 0 : 1;
