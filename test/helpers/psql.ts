/** A PostgreSQL on this machine, and psql to talk to it. */
import { dirname, join } from 'node:path';
import { check, runChild, startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { createPostgres } from './postgres.ts';
import { until } from './wait.ts';

export interface Postgres {
  readonly port: number;
  /** What psql prints for these statements, sent to `port`, without decoration: `select 1;` gives `1`. */
  psql(port: number, sql: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<Postgres> {
  const cluster = await createPostgres();
  try {
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      const [command = '', ...args] = cluster.command(String(port));
      const [isReady = '', ...words] = cluster.ready(String(port));
      // Machines of a network need it on every address; here only loopback is anybody's business.
      const server = startChild(command, [...args, '-c', 'listen_addresses=127.0.0.1'], { cwd: '/' });
      try {
        await until(
          async () => {
            if (server.hasExited()) throw new Error(`postgres did not start: ${server.stderr()}`);
            return (await runChild(isReady, words)).code === 0;
          },
          { what: 'postgres to take connections', ms: 30_000, every: 50, detail: server.stderr },
        );
        const where = ['-XAt', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-U', 'shop', '-d', 'postgres', '-p'];
        const env = { ...process.env, PGCONNECT_TIMEOUT: '10' };
        return {
          port,
          psql: async (to, input) => (await check(join(dirname(isReady), 'psql'), [...where, String(to)], { input, env, cwd: '/' })).trim(),
          stop: async () => {
            // Its fast shutdown: open sessions are ended.
            await server.stop('SIGINT');
            cluster.remove();
          },
        };
      } catch (error) {
        await server.stop('SIGKILL').catch(() => undefined);
        if (attempt >= 3 || !/Address already in use/.test(String(error))) throw error;
      }
    }
  } catch (error) {
    cluster.remove();
    throw error;
  }
}
