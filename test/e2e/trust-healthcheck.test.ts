/** A healthcheck that runs a command, over real sshd: what it is told, what it tells, and that nothing of it is left behind. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { figure } from '../helpers/figure.ts';
import { openDescriptors } from '../helpers/process-figures.ts';
import { processTable } from '../helpers/process-table.ts';
import { hostEntry, type PrintedEvent, type Project, type Up } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { startEcho, startWww, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { sleep, until } from '../helpers/wait.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;

beforeAll(async () => {
  [bastion, echo] = await Promise.all([all.sshd({ name: 'bastion' }), all.add(startEcho())]);
});

interface Running {
  readonly project: Project;
  readonly up: Up;
}

/** Trusted, and up. */
async function started(healthcheck: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<Running> {
  const web = { type: 'local', host: 'bastion', ingress: 0, egress: at(echo), healthcheck, ...more };
  const project = each.project({ yaml: { hosts: { bastion: hostEntry(bastion) }, tunnels: { web } } });
  expect((await project.run(['trust', '--yes'])).code).toBe(0);
  const up = project.up();
  await up.untilOpen(['web']);
  return { project, up };
}
const verdict = (up: Up, wanted: string, from = 0): Promise<PrintedEvent> =>
  up.untilEvent((event) => event.type === 'health' && event['verdict'] === wanted, 15_000, from);
const shell = (script: string): { readonly command: readonly string[] } => ({ command: ['sh', '-c', script.replaceAll('$', '$$$$')] });
const OFTEN = { interval: '100ms', timeout: '10s', retries: 1 };

const linesOf = ({ project }: Running, file: string): string[] => {
  const path = join(project.dir, file);
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
};
const alive = (pids: readonly string[]): string[] => pids.filter((pid) => processTable().some((row) => row.pid === Number(pid)));

it('is run beside the file and told where the tunnel listens, so that it can go through it', async () => {
  const www = await each.add(startWww());
  const script = 'pwd >where; env | grep -E "^(TUNNEL_|URL)" | sort >told; test "$(curl -s -o /dev/null -w "%{http_code}" "$URL")" = 200';
  const running = await started({ ...shell(script), ...OFTEN }, { egress: at(www), env: { URL: 'http://{address}:{port}/source' } });
  await verdict(running.up, 'healthy');
  const port = running.up.port('web');
  expect(linesOf(running, 'where')).toEqual([running.project.dir]);
  expect(linesOf(running, 'told')).toEqual([
    'TUNNEL_WEB_ADDRESS=127.0.0.1',
    `TUNNEL_WEB_PORT=${port}`,
    `URL=http://127.0.0.1:${port}/source`,
  ]);
  const from = running.up.events().length;
  await www.stop();
  await verdict(running.up, 'unhealthy', from);
  await each.add(startWww({ port: www.port }));
  await verdict(running.up, 'healthy', from);
});

it('what it says last is why it is unhealthy, fit for a terminal, and ps shows it', async () => {
  const { project } = await started({
    ...shell('echo first >&2; printf "\\033[31mno route to database\\033[0m\\n" >&2; exit 3'),
    ...OFTEN,
  });
  const view = await until(
    async () => {
      const { stdout } = await project.run(['ps', '--format', 'json']);
      const [row] = stdout.trim().split('\n');
      const seen = JSON.parse(row ?? 'null') as { state: string; error: { message: string } | null } | null;
      return seen?.state === 'unhealthy' && seen;
    },
    { what: 'the tunnel to be unhealthy', ms: 15_000 },
  );
  expect(view.error).toMatchObject({ code: 'target-unreachable', message: 'the healthcheck sh exited with 3: no route to database' });
});

it('a program that is not there is told, and the tunnel carries on', async () => {
  const { up } = await started({ command: ['there-is-none-of-this-name'], ...OFTEN });
  const { failure } = await verdict(up, 'unhealthy');
  expect(failure).toMatchObject({
    message: 'the healthcheck there-is-none-of-this-name was not found',
    hint: expect.stringContaining('PATH'),
  });
  await echoes(up.port('web'));
});

describe('one that hangs', () => {
  /** It and its child will not hear of SIGTERM. */
  const HANGS = `trap '' TERM; echo $$ >>pids; sh -c 'trap "" TERM; echo $$ >>pids; sleep 300; sleep 300' & sleep 300; sleep 300`;

  it('is ended after its time, with its children, and none is begun meanwhile', async () => {
    const running = await started({ ...shell(HANGS), interval: '100ms', timeout: '300ms', retries: 2 });
    const { failure } = await verdict(running.up, 'unhealthy');
    expect(failure).toMatchObject({ code: 'timeout', message: 'the healthcheck sh was not done within 300 ms' });
    let most = 0;
    await until(
      () => {
        const pids = linesOf(running, 'pids');
        // Two of each run, and a `sleep` of each of the two.
        most = Math.max(most, alive(pids).length);
        return pids.length >= 8;
      },
      { what: 'the fourth run', ms: 20_000 },
    );
    expect(
      figure('a hung healthcheck, processes that wrote their pid and live at once', most, { unit: 'processes', limit: 2 }),
    ).toBeLessThanOrEqual(2);
    await echoes(running.up.port('web'));
  });

  it.each<[string, (running: Running) => Promise<unknown>]>([
    ['down', ({ project }) => project.run(['down'])],
    ['Ctrl-C', ({ up }) => up.stop('SIGINT')],
    ['stop', ({ project }) => project.run(['stop', 'web'])],
    [
      'a reload that takes the check away',
      async ({ project, up }) => {
        const web = { type: 'local', host: 'bastion', ingress: 0, egress: at(echo) };
        project.write({ hosts: { bastion: hostEntry(bastion) }, tunnels: { web } });
        await up.untilEvent((event) => event.type === 'applied' && String(event['plan']).includes('healthcheck'));
      },
    ],
  ])('is not left behind by %s', async (_, end) => {
    const running = await started({ ...shell(HANGS), interval: '100ms', timeout: '5m' });
    await until(() => linesOf(running, 'pids').length === 2, { what: 'the command and its child' });
    const pids = linesOf(running, 'pids');
    expect(alive(pids)).toEqual(pids);
    await end(running);
    await until(() => alive(pids).length === 0, { what: 'both to be gone', ms: 5_000 });
    const { length } = linesOf(running, 'pids');
    await sleep(300);
    expect(linesOf(running, 'pids')).toHaveLength(length);
  });

  it.each(['stop', 'down'])('when %s is done, so is the command', async (verb) => {
    const running = await started({ ...shell(HANGS), interval: '100ms', timeout: '5m' });
    await until(() => linesOf(running, 'pids').length === 2, { what: 'the command and its child' });
    await running.project.run([verb]);
    expect(alive(linesOf(running, 'pids'))).toEqual([]);
  });
});

it('a changed command takes the place of the one that runs, which has ended before', async () => {
  const running = await started({
    ...shell('echo begin >>order; trap "" TERM; sleep 0.5; echo end >>order; sleep 300'),
    interval: '100ms',
    timeout: '5m',
  });
  await until(() => linesOf(running, 'order').length > 0, { what: 'the first command' });
  const web = {
    type: 'local',
    host: 'bastion',
    ingress: 0,
    egress: at(echo),
    healthcheck: { ...shell('echo next >>order'), interval: '10s' },
  };
  running.project.write({ hosts: { bastion: hostEntry(bastion) }, tunnels: { web } });
  expect((await running.project.run(['trust', '--yes'])).code).toBe(0);
  await verdict(running.up, 'healthy');
  expect(linesOf(running, 'order')).toEqual(['begin', 'end', 'next']);
});

it('leaves no zombie and no descriptor, however often it runs', async () => {
  const running = await started({ ...shell('echo x >>count; (sleep 300 &); exit 0'), interval: '100ms', timeout: '5s' });
  await until(() => linesOf(running, 'count').length >= 5, { what: 'five runs' });
  const before = openDescriptors(running.up.pid);
  await until(() => linesOf(running, 'count').length >= 25, { what: '25 runs', ms: 30_000 });
  const kept = Math.max(0, openDescriptors(running.up.pid) - before);
  expect(figure('20 healthcheck commands, descriptors kept', kept, { unit: 'descriptors', limit: 5 })).toBeLessThanOrEqual(5);
  const rows = execFileSync('ps', ['-axo', 'ppid=,stat='], { encoding: 'utf8' }).split('\n');
  // One may have ended in this very moment.
  expect(rows.filter((row) => new RegExp(`^\\s*${running.up.pid}\\s+Z`).test(row)).length).toBeLessThanOrEqual(1);
});
