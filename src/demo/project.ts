/** The example as it is committed, in a directory of its own, with an override that points it at the embedded servers. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { DemoNetwork } from './network.ts';

const EXAMPLE = join('examples', 'double-tunnel', 'tunnels.yaml');
/** What the example names, relative to its own directory. */
const SCHEMA = '../../schema/tunnels.schema.json';

export interface DemoProject {
  readonly directory: string;
  /** -f, in order; in the directory itself they are found without it. */
  readonly files: readonly [main: string, override: string];
  /** The port of the near half's ingress on this machine. */
  readonly port: number;
  readonly text: string;
  /** Saves tunnels.yaml as an editor does, with one part replaced. Throws where the part is not there. */
  edit(replace: readonly [from: string, to: string], append: string): void;
  remove(): void;
}

/** From dist/ as from src/demo/, the package's own directory is somewhere above. */
function examplePath(): string {
  for (let at = import.meta.dirname; at !== dirname(at); at = dirname(at)) if (existsSync(join(at, EXAMPLE))) return join(at, EXAMPLE);
  throw new Error(`${EXAMPLE} is missing from the package`);
}

/** In a temporary directory, or in one that is made for it: throws the system's error where that is there already. */
export async function createDemoProject(network: DemoNetwork, wanted: string | null = null): Promise<DemoProject> {
  const directory = wanted ?? mkdtempSync(join(tmpdir(), 'tunnels-demo-'));
  if (wanted !== null) mkdirSync(wanted);
  const main = join(directory, 'tunnels.yaml');
  const override = join(directory, 'tunnels.override.yaml');
  const keyFile = join(directory, 'id_demo');
  const example = examplePath();
  // Whoever edits it there wants the help of the schema, which is not beside it.
  if (wanted === null) copyFileSync(example, main);
  else writeFileSync(main, readFileSync(example, 'utf8').replace(SCHEMA, resolve(dirname(example), SCHEMA)));
  writeFileSync(keyFile, network.userKey, { mode: 0o600 });
  const port = await freePort(7999);
  writeFileSync(override, overrideText({ network, keyFile, port }));
  return {
    directory,
    files: [main, override],
    port,
    text: readFileSync(main, 'utf8'),
    edit([from, to], append) {
      const before = readFileSync(main, 'utf8');
      if (!before.includes(from)) throw new Error(`the example has no "${from}" to edit`);
      writeFileSync(`${main}~`, `${before.replace(from, to).trimEnd()}\n${append}`);
      renameSync(`${main}~`, main);
    },
    remove() {
      if (wanted === null) return rmSync(directory, { recursive: true, force: true });
      for (const file of [main, override, keyFile]) rmSync(file, { force: true });
      try {
        rmdirSync(directory);
      } catch {
        // What its user has put there stays.
      }
    },
  };
}

interface Override {
  readonly network: DemoNetwork;
  readonly keyFile: string;
  readonly port: number;
}

/** JSON is YAML. Nothing of the newcomer's own ssh takes part: no agent, no ssh_config, no known_hosts. */
function overrideText({ network, keyFile, port }: Override): string {
  const common = { identity_file: keyFile, identities_only: true, agent: 'none', ssh_config: false, user: network.user };
  const hosts = {
    bastion: { ...common, hostname: '127.0.0.1', port: network.bastion.port, host_key: network.bastion.fingerprint },
    'test-server': { ...common, port: 22, host_key: network.testServer.fingerprint },
  };
  return `${JSON.stringify({ hosts, tunnels: { git: { ingress: port } } }, null, 2)}\n`;
}

/** The port the example names, or another one where somebody has it on either loopback address. */
async function freePort(wanted: number): Promise<number> {
  const free = await Promise.all(['127.0.0.1', '::1'].map((host) => canListen(wanted, host)));
  if (free.every((port) => port !== null)) return wanted;
  return (await canListen(0, '127.0.0.1')) ?? wanted;
}

/** Null: it is taken. A machine without that address has nobody on it either. */
function canListen(port: number, host: string): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE' || error.code === 'EACCES' ? null : port));
    server.listen({ port, host }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(bound));
    });
  });
}
