/** The system's client: one `ssh -N` a host, with all its -L. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, startChild } from '../../test/helpers/child.ts';
import { commandLine, descendantsOf, isAlive, processTable, signalAll } from '../../test/helpers/process-table.ts';
import { until } from '../../test/helpers/wait.ts';
import { type OpenSide, type Setup, type Side, sshConfig } from '../side.ts';

export function writeSshConfig(setup: Setup): string {
  const file = join(mkdtempSync(join(setup.dir, 'ssh-')), 'config');
  writeFileSync(file, sshConfig(setup));
  return file;
}

/** The arguments for one host: what a person would type. */
export const sshArguments = (setup: Setup, host: number): string[] => [
  '-o',
  'ExitOnForwardFailure=yes',
  ...setup.forwards.filter((each) => each.host === host).flatMap(({ ingress, egress }) => ['-L', `${ingress}:127.0.0.1:${egress}`]),
  `h${host}`,
];

const openAll = (children: readonly Child[]): OpenSide => ({
  pids: () => children.flatMap((child) => [child.pid, ...descendantsOf(child.pid)]),
  ended: Promise.race(children.map((child) => child.exited.then(() => undefined))),
  text: () => children.map((child) => `${child.stdout()}${child.stderr()}`).join(''),
  stop: async () => {
    await Promise.all(children.map((child) => child.stop('SIGTERM')));
  },
});

export const sshSide: Side = {
  name: 'ssh',
  open: (setup) => {
    const file = writeSshConfig(setup);
    return Promise.resolve(openAll(setup.hosts.map((_, host) => startChild('ssh', ['-F', file, '-N', ...sshArguments(setup, host)]))));
  },
};

export const autosshSide: Side = {
  name: 'autossh',
  open: (setup) => {
    const file = writeSshConfig(setup);
    // Without a monitoring port, as its manual advises where ssh has ServerAliveInterval; and without giving up in the first 30 seconds.
    const env = { ...process.env, AUTOSSH_GATETIME: '0' };
    const start = (_: unknown, host: number): Child =>
      startChild('autossh', ['-M', '0', '-F', file, '-N', ...sshArguments(setup, host)], { env });
    return Promise.resolve(openAll(setup.hosts.map(start)));
  },
};

/** What people write who do it with ssh alone: a line a host, each of which goes to the background once its forwards are there. */
export const scriptOf = (setup: Setup, command: string): string =>
  `${setup.hosts.map((_, host) => [command, ...sshArguments(setup, host)].join(' ')).join('\n')}\n`;

function scriptSide(name: 'ssh' | 'autossh', command: string): Side {
  return {
    name,
    open: (setup) => {
      const file = writeSshConfig(setup);
      const script = `${file}.sh`;
      writeFileSync(script, `set -e\n${scriptOf(setup, `${command} -F ${file} -fN`)}`);
      const child = startChild('sh', [script]);
      // In the background they are nobody's children; the file on their command lines is theirs alone.
      const pids = (): number[] => processTable().flatMap(({ pid }) => (commandLine(pid).includes(`-F ${file} `) ? [pid] : []));
      const failed = child.exited.then(({ code }) => (code === 0 ? new Promise<void>(() => undefined) : undefined));
      return Promise.resolve({
        pids,
        ended: failed,
        text: () => `${child.stdout()}${child.stderr()}`,
        stop: async () => {
          await child.stop('SIGTERM');
          const family = pids();
          signalAll(family, 'SIGTERM');
          await until(() => !family.some(isAlive), { what: `the processes of the ${name} script to end` });
        },
      });
    },
  };
}

export const sshScript = scriptSide('ssh', 'ssh');
export const autosshScript = scriptSide('autossh', 'AUTOSSH_GATETIME=0 autossh -M 0');
