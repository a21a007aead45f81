/** Installs, builds and runs the demo; arguments go to it. */
import { spawn } from 'node:child_process';
import { bin, inRoot, prepare, root, runOrExit } from './prepare.mjs';

prepare();
runOrExit(process.execPath, [bin('tsdown', 'tsdown'), '--no-dts', '--logLevel', 'warn'], { stdio: ['ignore', 2, 2] });

const demo = spawn(process.execPath, [inRoot('dist', 'main.js'), 'demo', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
// Ctrl-C reaches the whole group: the demo ends itself, and the shell must not have its prompt back before.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => demo.kill('SIGTERM'));
demo.once('error', (error) => {
  console.error(`cannot run the demo: ${error.message}`);
  process.exit(1);
});
demo.once('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
