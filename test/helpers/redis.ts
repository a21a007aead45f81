/** A real redis-server that keeps nothing, and redis-cli to talk to it. */
import { join } from 'node:path';
import { check, startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { remove, scratch } from './scratch.ts';
import { until } from './wait.ts';

export interface Redis {
  readonly port: number;
  /** Its unix socket. */
  readonly path: string;
  stop(): Promise<void>;
}

/** redis-cli's output, trimmed: `await redisCli(['-p', '6379'], 'GET', 'key')`. */
export const redisCli = async (where: readonly string[], ...command: readonly string[]): Promise<string> =>
  (await check('redis-cli', [...where, ...command], { ms: 10_000 })).trim();

export async function startRedis(options: { readonly host?: string } = {}): Promise<Redis> {
  const dir = scratch('redis');
  const path = join(dir, 'redis.sock');
  const host = options.host ?? '127.0.0.1';
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(host);
    const settings = { port, bind: host, unixsocket: path, dir, save: '', appendonly: 'no', 'protected-mode': 'no' };
    const server = startChild(
      'redis-server',
      Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    );
    try {
      await until(
        async () => {
          if (server.hasExited()) throw new Error(`redis-server did not start: ${server.stdout()}${server.stderr()}`);
          return (await redisCli(['-s', path], 'PING').catch(() => '')) === 'PONG';
        },
        { what: 'redis-server to answer PING', ms: 10_000, every: 25, detail: server.stdout },
      );
      return {
        port,
        path,
        stop: async () => {
          await server.stop('SIGTERM');
          remove(dir);
        },
      };
    } catch (error) {
      await server.stop('SIGKILL').catch(() => undefined);
      if (attempt < 3 && /Address already in use/.test(String(error))) continue;
      remove(dir);
      throw error;
    }
  }
}
