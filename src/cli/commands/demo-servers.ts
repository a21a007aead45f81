/** `demo --servers`: the network of the demo and a project for it, and nothing brought up: for whoever wants to do that by hand. */
import { resolve } from 'node:path';
import { startDemoNetwork } from '../../demo/network.ts';
import { createDemoProject, type DemoProject } from '../../demo/project.ts';
import { isDaemonError, errnoOf } from '../../daemon/daemon-error.ts';
import { findProject } from '../../daemon/find-project.ts';
import { projectIdentity, stateRoot } from '../../daemon/paths.ts';
import type { Io } from '../io.ts';
import { leaving, type Leaving } from '../leaving.ts';
import { UsageError } from '../usage-error.ts';

export async function demoServers(io: Io, directory: string): Promise<number> {
  const leave = leaving(io);
  const network = await startDemoNetwork();
  try {
    const project = await projectIn(resolve(io.cwd, directory), network);
    const file = await projectIdentity(project.files[0]);
    try {
      io.stdout.write(textOf(directory, project));
      await untilToldTo(leave);
    } finally {
      await takeDown(io, file);
      project.remove();
    }
    return leave.code();
  } finally {
    leave.unlisten();
    await network.close();
  }
}

async function projectIn(directory: string, network: Parameters<typeof createDemoProject>[0]): Promise<DemoProject> {
  try {
    return await createDemoProject(network, directory);
  } catch (error) {
    const why =
      errnoOf(error) === 'EEXIST' ? 'is there already' : errnoOf(error) === 'ENOENT' ? 'cannot be made: its parent is not there' : null;
    if (why === null) throw error;
    throw new UsageError(`${directory} ${why}`, 'name another directory: tunnels demo --servers DIRECTORY');
  }
}

const textOf = (directory: string, { port }: DemoProject): string => `you -> bastion -> test-server -> git-server:7999
All of them are inside this process, until Ctrl-C. In another terminal:

  cd ${directory}
  tunnels up -d --wait
  tunnels ps
  curl http://localhost:${port}/
  tunnels down
`;

const untilToldTo = (leave: Leaving): Promise<void> =>
  new Promise((done) => {
    // A listener for signals alone keeps no process alive; the servers do.
    leave.signal.addEventListener('abort', () => done(), { once: true });
    if (leave.signal.aborted) done();
  });

/** Without the servers it could only try again and again. */
async function takeDown(io: Io, file: string): Promise<void> {
  try {
    const client = await findProject({ root: stateRoot(io.env), file });
    await client?.down({ drainMs: 0 });
  } catch (error) {
    if (!isDaemonError(error)) throw error;
  }
}
