/**
 * The machines an example speaks of, by the names it gives them: each is a network namespace, joined only to those it can reach.
 * Root only (`machinesAvailable`). `you` is where the program runs, with a home of its own that the real ssh looks into, too.
 */
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accountsAvailable } from './accounts.ts';
import { type Child, check, type RunOptions, type RunResult, startChild } from './child.ts';
import { type KeyPair, keyPair } from './keys.ts';
import { type Network, netnsAvailable, startNetwork } from './netns.ts';
import { createPostgres } from './postgres.ts';
import { type Project, createProject } from './project.ts';
import { remove, scratch } from './scratch.ts';
import { type Sshd, type SshdOptions, startSshd } from './sshd.ts';
import { until } from './wait.ts';

/** `http:80`, `http:7999:/directory`, `proxy:8888`, `echo:9000`, `mail:143` of machine-services.mjs; `redis:6379`; `postgres:5432`. */
export type MachineService = `${'http' | 'proxy' | 'echo' | 'mail' | 'redis' | 'postgres'}:${string}`;

export interface MachinesOptions {
  /** Chains of neighbours: `['you', 'bastion.example.com', 'web.internal']` are two links. Each knows its neighbours by these names. */
  readonly links: readonly (readonly string[])[];
  /** Machines with an sshd on port 22 that lets `deploy` in, by your key unless it says otherwise. */
  readonly sshds: Readonly<Record<string, Pick<SshdOptions, 'config' | 'authorizedKeys'>>>;
  readonly services?: Readonly<Record<string, readonly MachineService[]>>;
}

export interface Machines {
  /** Of `you`: `project.up(['-f', file])` runs the program there. */
  readonly project: Project;
  /** What goes before a command to run it there. */
  on(machine: string): readonly string[];
  readonly sshds: readonly Sshd[];
  sshd(machine: string): Sshd;
  addressOf(machine: string, neighbour: string): string;
  /** On every link it has. */
  addressesOf(machine: string): string[];
  run(machine: string, command: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** curl's standard output there; rejects when curl fails. */
  curl(machine: string, ...args: readonly string[]): Promise<string>;
  /** Gives `machine` one more address on its link to `neighbour`, with a network of 24 bits. */
  addAddress(machine: string, neighbour: string, address: string): Promise<void>;
  /** As in netns.ts: takes the cable out or puts it back, and gives another address. */
  readonly setLink: Network['setLink'];
  readonly readdress: Network['readdress'];
  /** Puts a key of its own and the host keys of `knows` into the home of `deploy` on `machine`. */
  giveKey(machine: string, key: KeyPair, knows: readonly string[]): void;
  stop(): Promise<void>;
}

export const machinesAvailable = (): boolean => netnsAvailable() && accountsAvailable();

export async function startMachines(options: MachinesOptions): Promise<Machines> {
  const links = options.links.flatMap((chain) => chain.slice(1).map((machine, index) => [chain[index] ?? '', machine] as const));
  const names = [...new Set(links.flat())];
  const undo: (() => Promise<unknown> | unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const each of undo.splice(0).reverse()) await each();
  };
  try {
    const network = await startNetwork({ hosts: names, links });
    undo.push(network.stop);
    const sshds = new Map<string, Sshd>();
    const starting = Object.entries(options.sshds).map(async ([machine, more]) => {
      const sshd = await startSshd({
        name: machine,
        hostKeyName: machine,
        listen: '0.0.0.0',
        port: 22,
        within: network.on(machine),
        accounts: [{ name: 'deploy' }],
        ...more,
      });
      undo.push(sshd.stop);
      sshds.set(machine, sshd);
    });
    const serving = Object.entries(options.services ?? {}).map(async ([machine, services]) => {
      await serve(network, { machine, services, undo });
    });
    const outcomes = await Promise.allSettled([...starting, ...serving]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    const sshd = (machine: string): Sshd => {
      const found = sshds.get(machine);
      if (found === undefined) throw new Error(`${machine} has no sshd`);
      return found;
    };
    const home = await homeOfYours([...sshds].map(([machine, each]) => each.knownHostsLine(machine)).join(''));
    undo.push(() => remove(home));
    const project = createProject({
      within: [...network.on('you'), 'unshare', '--mount', '--propagation', 'private', join(home, 'enter')],
      // The system's ssh and not the wrapper of other tests: here it may read ~ as it always does.
      env: { HOME: home, PATH: process.env.PATH ?? '/usr/bin:/bin' },
    });
    undo.push(project.remove);
    return {
      project,
      on: network.on,
      sshds: [...sshds.values()],
      sshd,
      addressOf: network.addressOf,
      addressesOf: (machine) =>
        links.filter((ends) => ends.includes(machine)).map(([a, b]) => network.addressOf(machine, a === machine ? b : a)),
      run: network.run,
      curl: (machine, ...args) => check('ip', [...network.on(machine).slice(1), 'curl', '-sS', '--fail', '--max-time', '10', ...args]),
      addAddress: async (machine, neighbour, address) => {
        const shown = await network.run(machine, 'ip', ['-o', '-4', 'addr', 'show', 'to', network.addressOf(machine, neighbour)]);
        const device = shown.stdout.split(/\s+/)[1] ?? '';
        await check('ip', [...network.on(machine).slice(1), 'ip', 'addr', 'add', `${address}/24`, 'dev', device]);
      },
      setLink: network.setLink,
      readdress: network.readdress,
      giveKey: (machine, key, knows) => {
        const ssh = join(sshd(machine).dir, 'home', 'deploy', '.ssh');
        const owner = statSync(join(ssh, '..'));
        mkdirSync(ssh, { mode: 0o700 });
        copyFileSync(key.privateKeyFile, join(ssh, 'id_ed25519'));
        writeFileSync(join(ssh, 'known_hosts'), knows.map((each) => sshd(each).knownHostsLine(each)).join(''));
        for (const file of ['', 'id_ed25519', 'known_hosts']) chownSync(join(ssh, file), owner.uid, owner.gid);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A home with a key and known_hosts where ssh expects them, and a script that makes it the home in the user database, too. */
async function homeOfYours(knownHosts: string): Promise<string> {
  const home = scratch('you');
  const key = await keyPair();
  mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  copyFileSync(key.privateKeyFile, join(home, '.ssh', 'id_ed25519'));
  chmodSync(join(home, '.ssh', 'id_ed25519'), 0o600);
  writeFileSync(join(home, '.ssh', 'known_hosts'), knownHosts);
  const passwd = readFileSync('/etc/passwd', 'utf8').replace(/^(root:[^:]*:0:0:[^:]*):[^:]*:/m, `$1:${home}:`);
  writeFileSync(join(home, 'passwd'), passwd);
  writeFileSync(join(home, 'enter'), `#!/bin/sh\nset -e\nmount --bind '${home}/passwd' /etc/passwd\nexec "$@"\n`, { mode: 0o700 });
  return home;
}

/** Whether `port` of `target` can be reached from there, whatever address it has. */
export async function reaches(
  machines: Machines,
  from: string,
  target: { readonly machine: string; readonly port: number },
): Promise<boolean> {
  const tries = machines.addressesOf(target.machine).map(async (address) => {
    const { code } = await machines.run(from, 'curl', ['-sS', '--max-time', '2', `telnet://${address}:${target.port}`]);
    if (code === CURL_REFUSED) return false;
    if (code === CURL_TIMED_OUT) return true;
    throw new Error(`curl to ${address}:${target.port} on ${from} ended with ${code}`);
  });
  return (await Promise.all(tries)).includes(true);
}
/** No route, or nobody listens. */
const CURL_REFUSED = 7;
/** Connected: what is then waited for never comes. */
const CURL_TIMED_OUT = 28;

const SERVICES = join(import.meta.dirname, 'machine-services.mjs');

interface Serving {
  readonly machine: string;
  readonly services: readonly MachineService[];
  readonly undo: (() => unknown)[];
}

async function serve(network: Network, { machine, services, undo }: Serving): Promise<void> {
  const start = async (command: readonly string[], ready: (child: Child) => Promise<boolean> | boolean): Promise<void> => {
    const [program = '', ...args] = [...network.on(machine), ...command];
    const child = startChild(program, args, { cwd: '/' });
    undo.push(() => child.stop('SIGTERM'));
    await until(
      () => {
        if (child.hasExited()) throw new Error(`${command.join(' ')} on ${machine} ended: ${child.stdout()}${child.stderr()}`);
        return ready(child);
      },
      { what: `${command.join(' ')} on ${machine}`, ms: 15_000, every: 20, detail: () => child.stdout() + child.stderr() },
    );
  };
  const succeeds = async ([command = '', ...args]: readonly string[]): Promise<boolean> =>
    (await network.run(machine, command, args)).code === 0;
  const own = services.filter((service) => !/^(redis|postgres):/.test(service));
  if (own.length > 0) await start([process.execPath, SERVICES, machine, ...own], (child) => child.stdout().includes('ready'));
  for (const service of services) {
    const [kind = '', port = ''] = service.split(':');
    if (kind === 'redis')
      await start(['redis-server', '--port', port, '--bind', '0.0.0.0', '--dir', '/tmp', '--save', '', '--protected-mode', 'no'], () =>
        succeeds(['redis-cli', '-p', port, 'PING']),
      );
    if (kind === 'postgres') {
      const cluster = await createPostgres();
      undo.push(cluster.remove);
      await start(cluster.command(port), () => succeeds(cluster.ready(port)));
    }
  }
}
