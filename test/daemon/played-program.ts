/**
 * A program with the processes of the real one and a played project, for tests of the processes:
 *
 *   __daemon      the process in the background
 *   up            `up -d`: prints what came of it as JSON; with ASK=1 it answers questions
 *   hold          a foreground `up`: prints `holds` or `joined`, then a line a warning, until it is taken down or signalled
 *
 * PLAY says what the project does: fine, invalid, empty, crash, bug, ask, slow, hang, drain.
 */
import { buildId } from '../../src/daemon/build-id.ts';
import { runDaemon } from '../../src/daemon/daemon-process.ts';
import { isDaemonError } from '../../src/daemon/daemon-error.ts';
import { ensureDaemon } from '../../src/daemon/ensure-daemon.ts';
import { serveRunner } from '../../src/daemon/host.ts';
import { projectIdentity, stateRoot } from '../../src/daemon/paths.ts';
import type { Questions } from '../../src/runner/runner-port.ts';
import { hostSpec, project, tunnelSpec } from '../helpers/spec.ts';
import { PlayedRunner } from './played-runner.ts';

const play = process.env['PLAY'] ?? 'fine';
const build = process.env['PLAY_BUILD'] ?? buildId('1.0.0');
const shop = project([hostSpec('bastion')], [tunnelSpec('web')]);

class PlayedProject extends PlayedRunner {
  readonly #questions: Questions | undefined;

  constructor(questions?: Questions) {
    super(play === 'empty' ? project([], []) : shop);
    this.#questions = questions;
    if (play === 'invalid') {
      const at = { line: 1, column: 1 };
      const range = { file: 'tunnels.yaml', start: at, end: at };
      const diagnostic = { code: 'schema', severity: 'error', message: 'wrong', range, hint: null } as const;
      this.failure = { diagnostics: [diagnostic], watch: [], sources: new Map([['tunnels.yaml', 'text']]) };
    }
    if (play === 'drain') this.draining = new Promise((resolve) => (this.hurried = resolve));
  }

  override async apply(): ReturnType<PlayedRunner['apply']> {
    if (play === 'slow') await new Promise((resolve) => setTimeout(resolve, 500));
    if (play === 'hang') await new Promise((resolve) => setTimeout(resolve, 600_000));
    const result = await super.apply();
    if (play === 'ask') void this.#ask();
    if (play === 'bug')
      setTimeout(() => {
        throw new Error('this cannot happen');
      }, 300);
    return result;
  }

  async #ask(): Promise<void> {
    const { signal } = new AbortController();
    const secret = await this.#questions?.secret({ host: 'bastion', prompt: 'Password:', echo: false }, signal);
    const key = { host: 'bastion', address: '10.0.0.1', algorithm: 'ssh-ed25519', fingerprint: 'SHA256:x' };
    const trusted = await this.#questions?.hostKey(key, signal);
    this.warn('web', `secret of ${secret?.length ?? 'no'} letters, ${trusted}`);
  }
}

const print = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const file = await projectIdentity('tunnels.yaml');
const root = stateRoot(process.env);

async function up(): Promise<number> {
  const answering: Questions = { secret: async () => 'hunter2', hostKey: async () => 'yes' };
  const load = { cwd: process.cwd(), files: [], profiles: [], envFiles: [] };
  const ensured = await ensureDaemon({
    request: { load, file, root, names: [], noDeps: false, watch: false, verbosity: 0 },
    env: process.env,
    build,
    onReplacing: ({ build: old }) => print({ replacing: old }),
    ...(process.env['ASK'] ? { questions: answering } : {}),
  });
  if (ensured.how === 'invalid') {
    print({ how: 'invalid', diagnostics: ensured.outcome.diagnostics, sources: ensured.outcome.sources });
    return 3;
  }
  if (ensured.how === 'started' && process.env['ASK']) {
    for await (const line of ensured.client.events({ follow: true })) if (line.type === 'warning') break;
  }
  if (ensured.how === 'started') ensured.started.detach();
  print({ how: ensured.how, pid: ensured.client.found.pid });
  return 0;
}

async function hold(): Promise<number> {
  const runner = new PlayedProject();
  const began = performance.now();
  const held = await serveRunner({
    runner,
    file,
    root,
    build,
    mode: 'foreground',
    onWarning: ({ message }) => print({ warning: message }),
  });
  if (!held.holds) {
    print({ joined: held.holder.status.pid });
    return 0;
  }
  await runner.apply();
  held.host.up();
  print({ holds: process.pid, ms: Math.round(performance.now() - began) });
  const signal = new Promise<void>((resolve) => process.once('SIGTERM', () => void held.host.stop(null).then(resolve)));
  const chatter = process.env['CHATTER'] ? setInterval(() => runner.warn('web', 'x'.repeat(10_000)), 10) : null;
  await Promise.race([held.host.takenDown, signal]);
  if (chatter) clearInterval(chatter);
  await held.host.close();
  return 0;
}

async function main(): Promise<number> {
  if (process.argv[2] !== '__daemon') return process.argv[2] === 'hold' ? hold() : up();
  if (play === 'crash') throw new Error('cannot find the module that is missing');
  return runDaemon({ createRunner: ({ questions }) => new PlayedProject(questions), build });
}

for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (isDaemonError(error)) print({ failed: error.view });
    else process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
