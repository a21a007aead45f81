/** Many at once, away from all that is held to a limit in time: for some seconds they take both processors. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { background, holders, rows } from '../helpers/background.ts';
import { figure } from '../helpers/figure.ts';
import { hostEntry } from '../helpers/project.ts';
import { at, scene } from '../helpers/scene.ts';
import { startEcho, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';

const all = scene(afterAll);
let bastion: Sshd;
let echo: Service;

beforeAll(async () => {
  [bastion, echo] = await Promise.all([all.sshd({ name: 'bastion' }), all.add(startEcho())]);
});

it('twenty up -d at once are one process and twenty successes', { timeout: 120_000 }, async () => {
  const web = { type: 'local', host: 'bastion', ingress: 0, egress: at(echo) };
  const made = background(all, { yaml: { name: 'shop', hosts: { bastion: hostEntry(bastion) }, tunnels: { web } } });
  const runs = await Promise.all(Array.from({ length: 20 }, () => made.run(['up', '-d'], { ms: 100_000 })));
  expect(runs.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual(runs.map(() => 0));
  expect(figure('twenty `up -d` at once, processes', new Set(holders(made)).size, { unit: 'processes', limit: 1 })).toBe(1);
  expect(await rows(made)).toMatchObject([{ state: 'open' }]);
});
