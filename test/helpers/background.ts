/** A project whose runs may leave a process in the background: that is ended with it, and what it shows is read. */
import { readdirSync } from 'node:fs';
import type { Project, ProjectOptions } from './project.ts';
import { isAlive, signalAll } from './process-table.ts';
import type { Scene } from './scene.ts';
import { until } from './wait.ts';

/** A line of `ps --format json`. */
export interface Row {
  readonly name: string;
  readonly state: string;
  readonly ingress: string;
  readonly pid: number;
  readonly connections: number;
  readonly [field: string]: unknown;
}

/** The process ids in the names of the control sockets of a project's state directory. */
export function holders(project: Pick<Project, 'stateDir'>): number[] {
  return readdirSync(project.stateDir, { recursive: true, encoding: 'utf8' }).flatMap((path) => {
    const pid = /control-(\d+)-[0-9a-f]{8}\.sock$/.exec(path)?.[1];
    return pid === undefined ? [] : [Number(pid)];
  });
}

export function background(scene: Scene, options: ProjectOptions): Project {
  const project = scene.project(options);
  scene.onEnd(async () => {
    const left = holders(project);
    signalAll(left, 'SIGKILL');
    await until(() => !left.some(isAlive), { what: 'the processes in the background to be gone' });
  });
  return project;
}

export async function rows(project: Project, ...words: readonly string[]): Promise<Row[]> {
  const { code, stdout, stderr } = await project.run(['ps', '--format', 'json', ...words]);
  if (code !== 0) throw new Error(stderr);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row);
}

/** The port a tunnel listens on. */
export async function portOf(project: Project, name: string): Promise<number> {
  const [row] = await rows(project, name);
  return Number(/:(\d+)$/.exec(row?.ingress ?? '')?.[1] ?? 0);
}
