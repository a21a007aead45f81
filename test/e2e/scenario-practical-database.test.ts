/** P1: a private database from the laptop, with the clients people use. */
import { afterAll, expect, it } from 'vitest';
import { hostEntry } from '../helpers/project.ts';
import { postgresAvailable } from '../helpers/postgres.ts';
import { startPostgres } from '../helpers/psql.ts';
import { redisCli, startRedis } from '../helpers/redis.ts';
import { scene } from '../helpers/scene.ts';

const all = scene(afterAll);

it.runIf(postgresAvailable())('psql and redis-cli work through two tunnels on one connection to the bastion', async () => {
  const [bastion, postgres, redis] = await Promise.all([all.sshd({ name: 'bastion' }), all.add(startPostgres()), all.add(startRedis())]);
  const up = all
    .project({
      yaml: {
        hosts: { bastion: hostEntry(bastion) },
        tunnels: {
          postgres: { type: 'local', host: 'bastion', ingress: 0, egress: `127.0.0.1:${postgres.port}` },
          redis: { type: 'local', host: 'bastion', ingress: 0, egress: `127.0.0.1:${redis.port}` },
        },
      },
    })
    .up();
  await up.untilOpen(['postgres', 'redis']);
  const [database, cache] = [up.port('postgres'), up.port('redis')];

  await postgres.psql(database, `create table orders (id int, what text);`);
  await postgres.psql(database, `insert into orders select n, repeat('x', 100) || n from generate_series(1, 20000) n;`);
  // Past the tunnel, what was written through it.
  expect(await postgres.psql(postgres.port, 'select count(*), sum(id) from orders;')).toBe('20000|200010000');
  expect(await postgres.psql(database, 'select md5(string_agg(what, $$,$$ order by id)) from orders;')).toMatch(/^[0-9a-f]{32}$/);
  const rows = await postgres.psql(database, 'select what from orders order by id;');
  expect(rows.split('\n')).toHaveLength(20_000);
  expect(rows.endsWith(`${'x'.repeat(100)}20000`)).toBe(true);

  expect(await redisCli(['-p', String(cache)], 'SET', 'greeting', 'through the tunnel')).toBe('OK');
  expect(await redisCli(['-s', redis.path], 'GET', 'greeting')).toBe('through the tunnel');
  expect(await redisCli(['-p', String(cache)], 'GET', 'greeting')).toBe('through the tunnel');

  expect(bastion.connections()).toMatchObject({ authenticated: 1, live: 1 });
});
