/** What every other script needs first, so that each of them works on a fresh clone: npm packages, and the generated code. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const inRoot = (...parts) => join(root, ...parts);

const OLDEST_NODE = [20, 19];

/** Runs a command with its output shown; ends this process with its code when it fails. */
export function runOrExit(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) {
    console.error(`cannot run ${command}: ${result.error.message}`);
    process.exit(1);
  }
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** The path of a program of an installed package: `bin('typescript', 'tsc')`. */
export function bin(packageName, name) {
  const manifest = JSON.parse(readFileSync(inRoot('node_modules', packageName, 'package.json'), 'utf8'));
  const entry = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[name];
  return inRoot('node_modules', packageName, entry);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  console.error(`Node ${OLDEST_NODE.join('.')} or newer is needed; this is ${process.versions.node}.`);
  process.exit(1);
}

/** Whether node_modules holds what package-lock.json says. By content: a checkout changes times without changing files. */
function isInstalled() {
  const installed = inRoot('node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const wanted = JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || (present[path] ? present[path].version === entry.version : entry.optional === true),
  );
}

function install() {
  checkNode();
  if (isInstalled()) return;
  console.error('Installing npm packages …');
  runOrExit('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    // Results go to stdout, and this is none.
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
}

/** The validator and the types that come from the schema; quick when they are there and current. */
function generate() {
  runOrExit(process.execPath, [inRoot('scripts', 'generate.mjs')], { stdio: ['ignore', 2, 2] });
}

export function prepare() {
  install();
  generate();
}
