/** The process in the background with the real engine in it, as the command `__daemon` has it. */
import { buildId } from '../../src/daemon/build-id.ts';
import { runDaemon } from '../../src/daemon/daemon-process.ts';
import { createRunner } from '../../src/runner/runner.ts';

for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
process.exit(await runDaemon({ createRunner, build: buildId('1.0.0') }));
