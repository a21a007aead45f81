/** A PostgreSQL cluster of the test's own; the system's, if there is one, is not touched. As root it runs as nobody. */
import { appendFileSync, chownSync, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { check } from './child.ts';
import { remove, scratch } from './scratch.ts';

const DEBIAN = '/usr/lib/postgresql';
/** The server refuses to run as root, and wants a user that the user database knows. */
const NOBODY = 65_534;

const PROGRAMS = ['initdb', 'postgres', 'pg_isready', 'psql'];

/** Debian keeps the server's programs away from PATH, a directory a version. */
const programs = (): string | null =>
  [
    ...(existsSync(DEBIAN) ? readdirSync(DEBIAN) : []).map((version) => join(DEBIAN, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ].find((dir) => PROGRAMS.every((program) => existsSync(join(dir, program)))) ?? null;

export const postgresAvailable = (): boolean => programs() !== null;

export interface PostgresCluster {
  /** Runs it in the foreground on every address; the user and the database `shop` need no password. */
  command(port: string): readonly string[];
  /** Asks it whether it takes connections; succeeds when it does. */
  ready(port: string): readonly string[];
  remove(): void;
}

export async function createPostgres(): Promise<PostgresCluster> {
  const bin = programs();
  if (bin === null) throw new Error('there is no PostgreSQL server: install postgresql');
  const dir = scratch('postgres');
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(dir, NOBODY, NOBODY);
  // A change of user clears the signal that ends it with its parent, so it is set again.
  const identity = ['setpriv', '--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', '--pdeathsig', 'KILL'];
  const asNobody = isRoot ? identity : [];
  const data = join(dir, 'data');
  try {
    const init = [...asNobody, join(bin, 'initdb'), '-D', data, '-U', 'shop', '-A', 'trust', '-N', '--no-locale'];
    await check(init[0] ?? '', init.slice(1), { cwd: '/' });
    appendFileSync(join(data, 'pg_hba.conf'), 'host all all all trust\n');
  } catch (error) {
    remove(dir);
    throw error;
  }
  const settings = ['fsync=off', `unix_socket_directories=${dir}`, 'listen_addresses=*', 'max_connections=20', 'shared_buffers=1MB'];
  return {
    command: (port) => [...asNobody, join(bin, 'postgres'), '-D', data, '-p', port, ...settings.flatMap((each) => ['-c', each])],
    ready: (port) => [join(bin, 'pg_isready'), '-q', '-h', '127.0.0.1', '-p', port],
    remove: () => remove(dir),
  };
}
