import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TunnelsEvent } from '../../src/core/event.ts';
import { load } from '../../src/config/load.ts';
import type { CommandEnd } from '../../src/engine/command.ts';
import { ProjectTrust } from '../../src/runner/project-trust.ts';
import { createRunner } from '../../src/runner/runner.ts';
import type { ApplyResult, RunnerPort } from '../../src/runner/runner-port.ts';
import { TrustStore } from '../../src/runner/trust-store.ts';
import { fakeNetwork, type FakeNetwork } from '../helpers/fake-network.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { until } from '../helpers/wait.ts';

const HOSTS = 'hosts:\n  bastion: { hostname: 192.0.2.1, user: me, ssh_config: false }\n';
const SECRET = HOSTS.replace('user: me', 'user: me, password: { command: [pass, show] }');
const web = (command: string, more = ''): string =>
  `tunnels:\n  web: { type: local, host: bastion, ingress: 8080, egress: "web:80", healthcheck: { command: [${command}], interval: 100ms }${more} }\n`;
const PLAIN = `${HOSTS}tunnels:\n  web: { type: local, host: bastion, ingress: 8080, egress: "web:80" }\n`;
const CHECKED = HOSTS + web('check, old');

let directory: string;
let env: Record<string, string>;
let network: FakeNetwork;
let runner: RunnerPort;
let events: TunnelsEvent[];

const save = (text: string): void => writeFileSync(join(directory, 'tunnels.yaml'), text);
const options = (): Parameters<typeof load>[0] => ({ cwd: directory, files: [], profiles: [], envFiles: [], env });
const trust = async (): Promise<void> => {
  const result = await load(options());
  if (!result.ok || !result.value.commands) throw new Error('there are no commands');
  await new TrustStore(env).trust(result.value.commands.file, result.value.commands.digest);
};
const start = async (): Promise<ApplyResult> => {
  runner = createRunner({ load: options(), network });
  runner.subscribe((event) => events.push(event));
  return runner.apply();
};
const state = (name = 'web'): string | undefined => runner.snapshot().tunnels.find((each) => each.name === name)?.state;
const becomes = (wanted: string): Promise<unknown> => until(() => state() === wanted, { what: `web to be ${wanted}` });
const runs = (line: string): Promise<unknown> => until(() => network.log.includes(line), { what: line });
const warnings = (): string[] => events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));

beforeEach(() => {
  directory = scratch('project-trust');
  env = { HOME: join(directory, 'home') };
  network = fakeNetwork();
  events = [];
});
afterEach(async () => {
  await runner.stop({ drainMs: 0 });
  remove(directory);
});

it('a file without commands asks no store', async () => {
  save(PLAIN);
  await start();
  const result = await load(options());
  if (!result.ok) throw new Error('it does not load');
  const untouched = new ProjectTrust({
    read: () => Promise.reject(new Error('it was read')),
    fileFor: () => {
      throw new Error('it was looked for');
    },
  });
  expect(await untouched.settle(result.value, null)).toMatchObject({ watch: [], warnings: [], as: null });
});

describe('a check', () => {
  it('that is not trusted: the tunnel binds nothing, and nothing is run', async () => {
    save(CHECKED);
    await start();
    await becomes('failed');
    expect(runner.snapshot().tunnels[0]?.error).toMatchObject({ code: 'untrusted' });
    expect(network.log.filter((line) => /^(run|listen)/.test(line))).toEqual([]);
  });

  it('that is trusted runs, told where the tunnel listens, at each round', async () => {
    save(HOSTS + web('check, old', ', env: { URL: "db://{address}:{port}" }'));
    await trust();
    const asked: Record<string, string>[] = [];
    network.answerCommand = async ({ env: given, cwd, argv }) => {
      asked.push({ ...given, cwd, argv: argv.join(' ') });
      return { how: { ended: 'exit', code: 0 }, stdout: '', stderr: '', overflow: false };
    };
    await start();
    await until(() => asked.length > 2, { what: 'three rounds' });
    expect(asked[0]).toEqual({
      URL: 'db://127.0.0.1:8080',
      TUNNEL_WEB_ADDRESS: '127.0.0.1',
      TUNNEL_WEB_PORT: '8080',
      argv: 'check old',
      cwd: directory,
    });
    expect(runner.snapshot().tunnels[0]?.health).toBe('healthy');
  });

  it.each<[string, Partial<CommandEnd>, string]>([
    [
      'its last words on stderr',
      { how: { ended: 'exit', code: 2 }, stdout: 'ignored', stderr: 'one\n\u001b[1mno route\u001b[0m\n' },
      'exited with 2: no route',
    ],
    ['or else on stdout', { how: { ended: 'exit', code: 1 }, stdout: 'no response\n' }, 'exited with 1: no response'],
    ['no program', { how: { ended: 'not-started', why: 'ENOENT' } }, 'was not found'],
    ['a signal', { how: { ended: 'signal', signal: 'SIGSEGV' } }, 'was ended by SIGSEGV'],
  ])('that fails is the reason: %s', async (_, part, words) => {
    save(CHECKED);
    await trust();
    network.answerCommand = async () => ({ how: { ended: 'exit', code: 0 }, stdout: '', stderr: '', overflow: false, ...part });
    await start();
    await becomes('unhealthy');
    expect(runner.snapshot().tunnels[0]?.error).toMatchObject({
      code: 'target-unreachable',
      message: `the healthcheck check ${words}`,
    });
  });
});

describe('a secret of a host', () => {
  it('that is not trusted: the host is not dialled', async () => {
    save(SECRET + PLAIN.slice(HOSTS.length));
    await start();
    await until(() => runner.snapshot().hosts[0]?.state === 'failed', { what: 'the host to fail' });
    expect(runner.snapshot().hosts[0]?.error).toMatchObject({ code: 'untrusted' });
    expect(network.log).toEqual([]);
    await trust();
    await runner.apply();
    await becomes('open');
  });

  it('that is trusted: it is', async () => {
    save(SECRET + PLAIN.slice(HOSTS.length));
    await trust();
    await start();
    await becomes('open');
  });

  it('comes to a file that runs: the host stays connected, as it was', async () => {
    save(PLAIN);
    await start();
    await becomes('open');
    save(SECRET.replace('192.0.2.1', '192.0.2.66') + PLAIN.slice(HOSTS.length));
    const result = await runner.apply();
    expect(result.applied && result.plan.steps).toEqual([]);
    expect(result.applied && result.loaded.diagnostics).toMatchObject([
      { code: 'untrusted', severity: 'warning', range: { start: { line: 2 } } },
    ]);
    expect(warnings()).toEqual(['host bastion: left as before, for the file has commands there that you have not allowed']);
    expect([state(), network.connections.length]).toEqual(['open', 1]);
  });
});

describe('reloading', () => {
  const NEW = HOSTS + web('check, new', ', drain: 1s');

  it('plan says what apply would do, and both keep what runs', async () => {
    save(CHECKED);
    await trust();
    await start();
    await runs('run check old');
    save(NEW);
    const planned = await runner.plan();
    expect(planned.applied && planned.plan.steps).toMatchObject([{ action: 'update', changes: [{ field: 'drain' }] }]);
    const applied = await runner.apply();
    expect(applied.applied && applied.plan.steps).toEqual(planned.applied && planned.plan.steps);
    network.log.length = 0;
    await runs('run check old');
    expect(network.log).not.toContain('run check new');
  });

  it('after trusting it, the new command runs, though nothing of the file has changed', async () => {
    save(CHECKED);
    await trust();
    await start();
    save(NEW);
    await runner.apply();
    await trust();
    await runner.apply();
    await runs('run check new');
    expect(warnings()).toHaveLength(1);
  });

  it('the plan of trusting what failed for want of it says so', async () => {
    save(CHECKED);
    await start();
    await trust();
    const planned = await runner.plan();
    const change = planned.applied && planned.plan.steps[0]?.action === 'update' ? planned.plan.steps[0].changes[0] : null;
    expect([change?.field, change?.from.includes('[check, old] (not trusted)'), change?.to.includes('not trusted')]).toEqual([
      'healthcheck',
      true,
      false,
    ]);
  });

  it('keeps on keeping, through several files that are not trusted', async () => {
    save(CHECKED);
    await trust();
    await start();
    for (const word of ['b', 'c', 'd']) {
      save(HOSTS + web(`check, ${word}`));
      await runner.apply();
    }
    network.log.length = 0;
    await runs('run check old');
    expect(state()).toBe('open');
  });

  it('what was never trusted is not kept: the latest is what is refused', async () => {
    save(CHECKED);
    await start();
    await becomes('failed');
    save(PLAIN);
    await runner.apply();
    await becomes('open');
  });

  it('trust that is taken back: nothing is run any more, and the tunnel stays', async () => {
    save(CHECKED);
    await trust();
    await start();
    await runs('run check old');
    await new TrustStore(env).revoke(join(directory, 'tunnels.yaml'));
    await runner.apply();
    await becomes('unhealthy');
    expect(runner.snapshot().tunnels[0]?.error?.code).toBe('untrusted');
    const before = network.log.length;
    network.log.push('later');
    await until(() => events.filter((event) => event.type === 'health').length > 1, { what: 'the verdict' });
    expect(network.log.slice(before)).toEqual(['later']);
    expect(network.listeners.size).toBe(1);
  });
});

it('a watched project notices that it is trusted, and no more, wherever nothing of the store was there before', async () => {
  save(CHECKED);
  await start();
  runner.watch();
  await becomes('failed');
  await trust();
  await runs('run check old');
  await new TrustStore(env).revoke(join(directory, 'tunnels.yaml'));
  await becomes('unhealthy');
});
