/** `demo`: the double tunnel of the guide on servers inside this process, brought up by the real `up`. */
import { buildGraph } from '../../core/graph.ts';
import { fetchOver, keepingAgent } from '../../demo/fetch.ts';
import { sha256 } from '../../demo/git-service.ts';
import { startDemoNetwork, type DemoNetwork } from '../../demo/network.ts';
import { createDemoProject, type DemoProject } from '../../demo/project.ts';
import type { RunnerPort } from '../../runner/runner-port.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { graphAscii } from '../render/graph-ascii.ts';
import { graphView } from '../render/graph-view.ts';
import { formatBytes } from '../render/quantity.ts';
import { styleFor, type Style } from '../render/style.ts';
import type { Stopping } from '../stopping.ts';
import { loadedProject } from './loaded-project.ts';
import { up } from './up.ts';

/** The reload is noticed within half a second; this is for a machine that is busy. Milliseconds. */
const RELOAD_LIMIT = 10_000;

export async function demo(io: Io, globals: GlobalOptions, { stay }: { readonly stay: boolean }): Promise<number> {
  const network = await startDemoNetwork();
  let project: DemoProject | null = null;
  try {
    project = await createDemoProject(network);
    return await tell({
      io: inDirectory(io, project.directory),
      globals: { ...globals, files: project.files, envFiles: [], profiles: [], projectName: null, dryRun: false },
      network,
      project,
      stay,
    });
  } finally {
    project?.remove();
    await network.close();
  }
}

interface Story {
  readonly io: Io;
  readonly globals: GlobalOptions;
  readonly network: DemoNetwork;
  readonly project: DemoProject;
  readonly stay: boolean;
}

/** Variables meant for the newcomer's own project must not steer this one. */
function inDirectory(io: Io, cwd: string): Io {
  const { TUNNELS_FILE: _file, TUNNELS_PROFILES: _profiles, ...env } = io.env;
  const { stdin, stdout, stderr, build, onSignal, onReaderGone, load, createRunner, serve, ensureDaemon, runDaemon, runCommand } = io;
  return {
    ...{ cwd, env, stdin, stdout, stderr, build },
    ...{ onSignal, onReaderGone, load, createRunner, serve, ensureDaemon, runDaemon, runCommand },
  };
}

async function tell(story: Story): Promise<number> {
  const { io, globals, network, project, stay } = story;
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stdout });
  const narrator = narrate((text) => void io.stdout.write(text), style);
  narrator.step('Four machines, all inside this process; nothing leaves this machine', [
    'you -> bastion -> test-server -> git-server:7999',
    `bastion is an SSH server on 127.0.0.1:${network.bastion.port}; the names behind it mean nothing on this machine`,
  ]);
  narrator.step(`${project.files[0]}, as in examples/double-tunnel`, project.text.trimEnd().split('\n'));
  const loaded = await loadedProject(io, globals);
  if (!loaded) return EXIT.invalidConfiguration;
  narrator.step(
    'tunnels graph',
    graphAscii(graphView(buildGraph(loaded.project)))
      .trimEnd()
      .split('\n'),
  );
  narrator.step('tunnels up', []);
  let broken: Error | null = null;
  const code = await up(io, globals, {
    names: [],
    noDeps: false,
    watch: true,
    drainMs: null,
    detach: null,
    onUp: ({ runner, stopping }) => {
      afterUp({ ...story, narrator, runner, stopping }).then(
        () => {
          if (!stay) stopping.interrupt('SIGTERM');
        },
        (error: unknown) => {
          // Cut short by Ctrl-C, its requests fail: that is no failure of the demo.
          if (!stopping.signal.aborted) broken = error instanceof Error ? error : new Error(String(error));
          stopping.interrupt('SIGTERM');
        },
      );
    },
  });
  if (broken !== null) {
    io.stderr.write(`the demo did not get to its end: ${(broken as Error).message}\n`);
    return EXIT.failure;
  }
  if (code === EXIT.done) narrator.step('Drained and closed. Nothing is left behind', []);
  return code;
}

interface Running extends Story {
  readonly narrator: ReturnType<typeof narrate>;
  readonly runner: RunnerPort;
  readonly stopping: Stopping;
}

async function afterUp({ narrator, project, runner, stay, stopping }: Running): Promise<void> {
  const url = `http://localhost:${project.port}`;
  const agent = keepingAgent();
  try {
    const first = await fetchOver(`${url}/`, agent);
    const pack = await fetchOver(`${url}/shop.git/pack`, agent);
    const equal = sha256(pack.body) === pack.headers['x-sha256'];
    if (!equal) throw new Error('what came through the tunnel is not what git-server sent');
    narrator.step('Bytes through both tunnels', [
      `GET ${url}/               ${oneLine(first.body)}`,
      `GET ${url}/shop.git/pack  ${formatBytes(pack.body.length)}, SHA-256 equal to git-server's own`,
    ]);

    narrator.step('Edit tunnels.yaml while that connection is open', [
      '~ git-inner: egress git-server:7999 -> git-mirror:7999',
      '+ docs: -L 0:git-server:7999 test-server',
    ]);
    const applied = nextApply(runner);
    project.edit(['egress: git-server:7999', 'egress: git-mirror:7999'], '\n  docs: -L 0:git-server:7999 test-server\n');
    await applied;
    const old = await fetchOver(`${url}/`, agent);
    const fresh = await fetchOver(`${url}/`, false);
    if (old.localPort !== first.localPort) throw new Error('the open connection did not live on over the reload');
    narrator.step('Reloaded: the listener stayed, the open connection too', [
      `the connection from before:  ${oneLine(old.body)}`,
      `a new connection:            ${oneLine(fresh.body)}`,
    ]);
  } finally {
    agent.destroy();
  }
  if (stay && !stopping.signal.aborted)
    narrator.step('It stays until Ctrl-C. Try, in another terminal', [
      `cd ${project.directory}`,
      'tunnels ps                    or logs -f, top, graph, port git, events',
      `curl ${url}/`,
      'edit tunnels.yaml and save it',
    ]);
}

const oneLine = (body: Buffer): string => body.toString('utf8').trim();

function nextApply(runner: RunnerPort): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void): void => {
      clearTimeout(timer);
      unsubscribe();
      settle();
    };
    const timer = setTimeout(
      () => done(() => reject(new Error(`the reload was not noticed within ${RELOAD_LIMIT / 1000}s`))),
      RELOAD_LIMIT,
    );
    const unsubscribe = runner.subscribe((event) => {
      if (event.type === 'applied') done(resolve);
      if (event.type === 'rejected') done(() => reject(new Error('the edited file was rejected')));
    });
  });
}

function narrate(write: (text: string) => void, style: Style) {
  let count = 0;
  return {
    step(title: string, lines: readonly string[]): void {
      count += 1;
      write(
        `${count === 1 ? '' : '\n'}${style('bold', `${count}. ${title}`)}\n${lines.map((line) => (line === '' ? '\n' : `   ${line}\n`)).join('')}`,
      );
    },
  };
}
