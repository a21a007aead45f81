/** This program: `tunnels up` in the foreground, as built, on a tunnels.yaml whose hosts are in ~/.ssh/config. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, startChild } from '../../test/helpers/child.ts';
import { type Setup, type Side, sshConfig } from '../side.ts';

/** JSON is YAML. */
export function projectFile(setup: Setup): string {
  const hosts = Object.fromEntries(
    setup.connections === undefined ? [] : setup.hosts.map((_, index) => [`h${index}`, { connections: setup.connections }]),
  );
  const tunnels = Object.fromEntries(
    setup.forwards.map(({ host, ingress, egress }, index) => [
      `t${index}`,
      { type: 'local', host: `h${host}`, ingress, egress: `127.0.0.1:${egress}`, max_connections: 20_000 },
    ]),
  );
  // A line a tunnel, as a person would have it who edits one.
  const lines = Object.entries(tunnels).map(([name, tunnel]) => `    ${name}: ${JSON.stringify(tunnel)}`);
  return `name: bench\nhosts: ${JSON.stringify(hosts)}\ntunnels:\n${lines.join('\n')}\n`;
}

/** A home of its own, so that nothing of the user's is read. */
export function tunnelsHome(setup: Setup): { readonly dir: string; readonly env: NodeJS.ProcessEnv } {
  const dir = mkdtempSync(join(setup.dir, 'tunnels-'));
  mkdirSync(join(dir, '.ssh'), { mode: 0o700 });
  writeFileSync(join(dir, '.ssh', 'config'), sshConfig(setup));
  writeFileSync(join(dir, 'tunnels.yaml'), projectFile(setup));
  return { dir, env: { PATH: process.env.PATH, HOME: dir, NO_COLOR: '1', TUNNELS_STATE_DIR: join(dir, 's') } };
}

/** Whether the program takes `connections` for a host: before it did, such a file was refused. */
export function takesConnections(program: string, setup: Setup): boolean {
  const { dir, env } = tunnelsHome({ ...setup, connections: 2 });
  return spawnSync(process.execPath, [program, 'config', '-q'], { cwd: dir, env, timeout: 20_000 }).status === 0;
}

/** As `tunnelsSide`, for who edits the file: `dir` is the project's of the last `open`. `flags` are node's. */
export function tunnelsIn(program: string, flags: readonly string[] = []): Side & { dir(): string } {
  let last = '';
  return {
    name: 'tunnels',
    dir: () => last,
    open: (setup) => {
      const { dir, env } = tunnelsHome(setup);
      last = dir;
      const child = startChild(process.execPath, [...flags, program, 'up', '-t', '0'], { cwd: dir, env });
      return Promise.resolve({
        pids: () => [child.pid],
        ended: child.exited.then(() => undefined),
        text: () => `${child.stdout()}${child.stderr()}`,
        stop: async () => {
          await child.stop('SIGTERM');
        },
      });
    },
  };
}

export const tunnelsSide = (program: string): Side => tunnelsIn(program);

/** `tunnels up -d`: in the background, as the lines of an `ssh -fN` script are. */
export const detachedTunnels = (program: string): Side => ({
  name: 'tunnels',
  open: (setup) => {
    const { dir, env } = tunnelsHome(setup);
    const child = startChild(process.execPath, [program, 'up', '-d'], { cwd: dir, env });
    const failed = child.exited.then(({ code }) => (code === 0 ? new Promise<void>(() => undefined) : undefined));
    return Promise.resolve({
      pids: () => [child.pid],
      ended: failed,
      text: () => `${child.stdout()}${child.stderr()}`,
      stop: async () => {
        await child.stop('SIGTERM');
        await check(process.execPath, [program, 'down', '-t', '0'], { cwd: dir, env });
      },
    });
  },
});
