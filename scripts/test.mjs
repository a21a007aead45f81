/** Runs every test, unit and end to end, on a fresh clone too. Arguments go to vitest. The last line is `N passed, N failed`. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { bin, inRoot, prepare, root } from './prepare.mjs';
import { ensurePrograms } from './programs.mjs';

const args = process.argv.slice(2);
const ci = process.env.CI !== undefined && process.env.CI !== '' && process.env.CI !== 'false';

function finish({ passed, failed }) {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

prepare();
const programs = ensurePrograms();
if (programs.missing.length > 0) {
  console.error(`Missing for the tests: ${programs.missing.join(', ')}${programs.problem === null ? '' : `\n${programs.problem}`}`);
  if (ci) finish({ passed: 0, failed: 1 });
  if (programs.missing.includes('sshd')) {
    console.error('There is no sshd: only the unit tests are run. Install openssh-server for the others.');
    args.push('--project', 'unit*');
  }
}

const result = inRoot('.cache', 'test-results', `${process.pid}.json`);
mkdirSync(inRoot('.cache', 'test-results'), { recursive: true });
const run = spawnSync(
  process.execPath,
  [bin('vitest', 'vitest'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${result}`, ...args],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: programs.env },
);
if (run.error) console.error(`cannot run vitest: ${run.error.message}`);
finish(count(run.status));

/** A test file that could not be loaded, a run that crashed and a run without tests count as a failure each. */
function count(status) {
  let report;
  try {
    report = JSON.parse(readFileSync(result, 'utf8'));
  } catch {
    console.error('vitest ended without a result');
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(result, { force: true });
  }
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  for (const file of broken) console.error(`failed outside its tests: ${file.name}`);
  const passed = report.numPassedTests;
  let failed = report.numFailedTests + broken.length;
  if (report.numPendingTests + report.numTodoTests > 0) console.log(`${report.numPendingTests + report.numTodoTests} not run`);
  if (failed === 0 && status !== 0) {
    console.error(`vitest ended with ${status ?? 'a signal'} though no test failed: see the errors above`);
    failed = 1;
  }
  if (failed === 0 && passed === 0) {
    console.error('no test was run');
    failed = 1;
  }
  return { passed, failed };
}
