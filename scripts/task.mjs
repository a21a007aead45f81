/** `node scripts/task.mjs PROGRAM [ARGS…]`: runs a program of a package, on a fresh clone too. */
import { bin, prepare, runOrExit } from './prepare.mjs';

const PACKAGES = { tsc: 'typescript', biome: '@biomejs/biome' };
const [program, ...args] = process.argv.slice(2);

if (program === undefined) {
  console.error('usage: node scripts/task.mjs PROGRAM [ARGS…]');
  process.exit(2);
}
prepare();
// Generating is a part of preparing.
if (program !== 'generate') runOrExit(process.execPath, [bin(PACKAGES[program] ?? program, program), ...args]);
