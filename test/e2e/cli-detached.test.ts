/** A project in the background: up -d, what ps shows of it, and that down leaves nothing. */
import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { isAlive } from '../helpers/process-table.ts';
import { hostEntry, type Project } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { startEcho, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';
import { background, rows, type Row } from '../helpers/background.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;

beforeAll(async () => {
  [bastion, echo] = await Promise.all([all.sshd({ name: 'bastion' }), all.add(startEcho())]);
});

const project = (tunnels: Record<string, unknown>, more: Record<string, unknown> = {}): Project =>
  background(each, { yaml: { name: 'shop', hosts: { bastion: hostEntry(bastion) }, tunnels, ...more } });
const tunnel = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  type: 'local',
  host: 'bastion',
  ingress: 0,
  egress: at(echo),
  ...more,
});
const portOf = (row: Row | undefined): number => Number(/:(\d+)$/.exec(row?.ingress ?? '')?.[1] ?? 0);
const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });

describe('up -d, ps, down', () => {
  it('leaves the tunnels open, and after down there is no listener, process, socket or file', async () => {
    const made = project({ here: tunnel(), there: tunnel({ type: 'remote' }) });
    const up = await made.run(['up', '-d']);
    expect(up).toMatchObject({ code: 0, stdout: '' });
    expect(up.stderr).toMatch(/2 tunnels are open; they stay up in the background; tunnels down closes them\n$/);
    const [here, there] = await rows(made);
    const ports = [portOf(here), portOf(there)];
    for (const port of ports) await echoes(port);
    expect(isAlive(here?.pid ?? 0)).toBe(true);
    expect(readdirSync(made.stateDir)).toHaveLength(1);

    const down = await made.run(['down']);
    expect(down).toMatchObject({ code: 0, stdout: '', stderr: 'shop is down\n' });
    expect(isAlive(here?.pid ?? 0)).toBe(false);
    expect(await Promise.all(ports.map(listens))).toEqual([false, false]);
    expect(existsSync(made.stateDir) ? readdirSync(made.stateDir, { recursive: true }) : []).toEqual([]);
    expect(readdirSync(made.dir)).toEqual(['tunnels.yaml']);
  });

  it('ps has every field of the contract, of what really is', async () => {
    const port = await freePort();
    const made = project({ web: tunnel({ ingress: port }), socks: { type: 'dynamic', host: 'bastion', ingress: 0 } });
    await made.run(['up', '-d']);
    await echoes(port, 'x'.repeat(1000));
    await until(async () => (await rows(made))[0]?.connections === 0, { what: 'the connection to be closed' });
    const [web, socks] = await rows(made);
    expect(Object.keys(web ?? {})).toEqual([
      ...['name', 'type', 'state', 'health', 'host', 'client', 'ingress', 'egress', 'pid', 'connections', 'total_connections'],
      ...['rx_bytes', 'tx_bytes', 'rtt_ms', 'since', 'restarts', 'error'],
    ]);
    expect(web).toEqual({
      ...{ name: 'web', type: 'local', state: 'open', health: 'none', host: 'bastion', client: 'client' },
      ...{ ingress: `127.0.0.1:${port}`, egress: at(echo), pid: expect.any(Number) as number, connections: 0, total_connections: 1 },
      ...{ rx_bytes: 1000, tx_bytes: 1000, restarts: 0, error: null },
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      rtt_ms: expect.toSatisfy((value) => value === null || typeof value === 'number') as null,
    });
    expect(socks).toMatchObject({ name: 'socks', type: 'dynamic', egress: null, pid: web?.pid });
    expect((await made.run(['ps', '-q'])).stdout).toBe('web\nsocks\n');
    expect((await made.run(['ps', '-q', 'socks'])).stdout).toBe('socks\n');
    expect((await made.run(['ps', '-q', '--status', 'failed', '--status', 'closed'])).stdout).toBe('');
    expect((await made.run(['ps', 'wbe'])).stderr).toContain('no tunnel "wbe" is up, did you mean "web"?');
    expect((await made.run(['ps', 'wbe'])).code).toBe(2);
    const table = (await made.run(['ps'])).stdout.split('\n');
    expect(table[0]).toMatch(/^NAME +STATE +INGRESS +EGRESS +HOST +CONNS +IN +OUT +RTT +FOR$/);
    expect(table[1]).toMatch(new RegExp(`^web +open +127\\.0\\.0\\.1:${port} +→ +${at(echo)} +bastion +0 +1000 B +1000 B`));
  });

  it('what is not up is said, with what to do: 1; down has nothing to do: 0', async () => {
    const made = project({ web: tunnel() });
    for (const command of [
      ['ps'],
      ['logs'],
      ['events'],
      ['env'],
      ['port', 'web'],
      ['wait'],
      ['stop'],
      ['start'],
      ['restart'],
      ['reload'],
    ]) {
      expect(await made.run(command), command.join(' ')).toMatchObject({
        code: 1,
        stdout: '',
        stderr: 'tunnels: project/tunnels.yaml is not up: tunnels up -d\n',
      });
    }
    expect(await made.run(['down'])).toMatchObject({ code: 0, stdout: '', stderr: 'project/tunnels.yaml is not up: nothing to do\n' });
    expect(await made.run(['ls'])).toMatchObject({ code: 0, stderr: '' });
  });
});
