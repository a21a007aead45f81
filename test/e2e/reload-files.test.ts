/** Hot reload: every way of saving, every file that was read, and files that are broken for a while. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { figure } from '../helpers/figure.ts';
import { hostEntry, type Project, type Up } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { dial, startEcho, startWww, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { sleep, until } from '../helpers/wait.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;
let pages: readonly Service[];

beforeAll(async () => {
  [bastion, echo, pages] = await Promise.all([
    all.sshd({ name: 'bastion' }),
    all.add(startEcho()),
    Promise.all([0, 1, 2, 3].map((number) => all.add(startWww({ page: `page ${number}` })))),
  ]);
});

const egress = (number: number): string => at(pages[number % pages.length] ?? echo);
const page = async (port: number): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();

/** `web` goes to the numbered page, `echo` never changes. */
const yaml = (number: number, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  hosts: { bastion: hostEntry(bastion) },
  tunnels: {
    web: { type: 'local', host: 'bastion', ingress: 0, egress: egress(number) },
    echo: { type: 'local', host: 'bastion', ingress: 0, egress: at(echo) },
  },
  ...more,
});

/** Up, with an open connection that has to live through everything. */
async function running(project: Project, args: readonly string[] = []): Promise<{ up: Up; web: number; open: Socket }> {
  const up = project.up(args);
  await up.untilOpen(['web', 'echo']);
  const open = await dial(up.port('echo'));
  each.onEnd(() => open.destroy());
  open.on('error', () => undefined);
  await says(open, 'hello');
  return { up, web: up.port('web'), open };
}
async function says(socket: Socket, text: string): Promise<void> {
  const back = new Promise<string>((resolve, reject) => {
    socket.once('data', (data) => resolve(data.toString()));
    socket.once('close', () => reject(new Error('closed')));
  });
  socket.write(text);
  expect(await back).toBe(text);
}

const applied = (up: Up, from = 0): unknown[] =>
  up
    .events()
    .slice(from)
    .filter((event) => event.type === 'applied' && event['changes'] !== 0);

/** Milliseconds from the save to its being applied. */
async function saves(up: Up, save: () => void): Promise<number> {
  const seen = up.events().length;
  const saved = Date.now();
  save();
  return Number((await up.untilEvent((event) => event.type === 'applied', 5_000, seen))['at']) - saved;
}

/** The contract says 500 ms; the bench in bench/ measures it, this is for two busy cores. */
const SOON = 500;

/** In a user namespace of its own, where nobody gets an inotify instance: inotify(7), user_namespaces(7). */
const WITHOUT_WATCHES = [
  'unshare',
  '--user',
  '--map-root-user',
  'sh',
  '-ec',
  'echo 0 > /proc/sys/user/max_inotify_instances; exec "$@"',
  'sh',
];
const canBeWithoutWatches = spawnSync(WITHOUT_WATCHES[0] ?? '', [...WITHOUT_WATCHES.slice(1), 'true']).status === 0;

describe('every way of saving', () => {
  it('50 atomic saves, each applied in time', async () => {
    const project = each.project({ yaml: yaml(0) });
    const { up, web, open } = await running(project);
    const from = up.events().length;
    const times: number[] = [];
    for (let number = 1; number <= 50; number += 1) {
      times.push(await saves(up, () => project.write(yaml(number))));
      if (number % 10 === 0) expect(await page(web)).toBe(`page ${number % pages.length}`);
    }
    expect(applied(up, from)).toHaveLength(50);
    figure('50 atomic saves, applied after, median', times.toSorted((a, b) => a - b)[25] ?? 0);
    expect(figure('50 atomic saves, applied after, at most', Math.max(...times), { limit: SOON })).toBeLessThanOrEqual(SOON);
    await says(open, 'still here');
  });

  it('in place, removed and written again, moved over, and through links that are swapped', async () => {
    const project = each.project({ yaml: yaml(0) });
    const main = join(project.dir, 'tunnels.yaml');
    const text = (number: number): string => stringify(yaml(number));
    const { up, web, open } = await running(project);
    const ways: readonly (readonly [string, () => void])[] = [
      ['in place', () => project.writeInPlace(yaml(1))],
      [
        'removed and written again',
        () => {
          rmSync(main);
          writeFileSync(main, text(2));
        },
      ],
      [
        'as vim does: the old one is moved away first',
        () => {
          renameSync(main, `${main}~`);
          writeFileSync(main, text(3));
        },
      ],
      [
        'a link takes its place',
        () => {
          mkdirSync(join(project.dir, 'v1'));
          writeFileSync(join(project.dir, 'v1', 'real.yaml'), text(4));
          symlinkSync('v1', join(project.dir, 'current'));
          symlinkSync('current/real.yaml', `${main}.link`);
          renameSync(`${main}.link`, main);
        },
      ],
      ['what the link leads to is written', () => writeFileSync(join(project.dir, 'v1', 'real.yaml'), text(5))],
      [
        'a directory on the way is swapped, as Kubernetes does',
        () => {
          mkdirSync(join(project.dir, 'v2'));
          writeFileSync(join(project.dir, 'v2', 'real.yaml'), text(6));
          symlinkSync('v2', join(project.dir, 'current.new'));
          renameSync(join(project.dir, 'current.new'), join(project.dir, 'current'));
        },
      ],
      ['what the new link leads to is written', () => writeFileSync(join(project.dir, 'v2', 'real.yaml'), text(7))],
    ];
    for (const [index, [way, save]] of ways.entries()) {
      const took = await saves(up, save);
      // With the way of saving in it, so that a failure says which.
      expect({ way, inTime: took <= SOON, page: await page(web) }).toEqual({
        way,
        inTime: true,
        page: `page ${(index + 1) % pages.length}`,
      });
    }
    await says(open, 'still here');
  });

  it('saves in quick succession end in the last one', async () => {
    const project = each.project({ yaml: yaml(0) });
    const { web, open } = await running(project);
    for (let burst = 1; burst <= 3; burst += 1) {
      for (let number = 1; number <= 25; number += 1) {
        project.write(yaml(number + burst));
        if (number % 5 === 0) await sleep(burst * 7);
      }
      const last = `page ${(25 + burst) % pages.length}`;
      await until(async () => (await page(web)) === last, { what: `${last}`, ms: 3_000 });
      await sleep(150);
      expect(await page(web)).toBe(last);
    }
    await says(open, 'still here');
  });

  it.runIf(canBeWithoutWatches)('where the system has no watch to spare, two seconds later', async () => {
    const project = each.project({ yaml: yaml(0), within: WITHOUT_WATCHES });
    const { up, web: port, open } = await running(project);
    const took: number[] = [];
    for (const number of [1, 2]) {
      took.push(await saves(up, () => project.write(yaml(number))));
      expect(await page(port)).toBe(`page ${number}`);
    }
    // The second one comes right after a look: had there been a watch, it would not have waited for the next.
    expect(Math.max(...took)).toBeGreaterThan(1_000);
    expect(figure('a save without a watch, applied after', Math.max(...took), { limit: 2_000 + SOON })).toBeLessThanOrEqual(2_000 + SOON);
    await says(open, 'still here');
  });

  it('a save that changes nothing is no reload', async () => {
    const project = each.project({ yaml: yaml(0) });
    const { up, web, open } = await running(project);
    const from = up.events().length;
    project.write(yaml(0));
    await saves(up, () => project.write(yaml(1)));
    expect(
      up
        .events()
        .slice(from)
        .filter((event) => event.type === 'applied'),
    ).toHaveLength(1);
    expect(await page(web)).toBe('page 1');
    await says(open, 'still here');
  });
});

describe('a broken file', () => {
  it.each<[what: string, broken: () => string, code: string]>([
    ['no YAML', () => 'tunnels:\n  web: [\n', 'yaml-syntax'],
    ['an unknown key', () => stringify({ ...yaml(1), tunnles: {} }), 'schema'],
    ['an unknown host', () => stringify({ ...yaml(1), hosts: {} }), 'unknown-host'],
    ['several mistakes', () => 'tunnels:\n  web: { type: local, host: nowhere, ingress: 1, egress: 2, bogus: 3 }\n', 'schema'],
    ['an empty file', () => '', 'schema'],
  ])('%s: drops nothing, is told within a second, and the next save mends it', async (_, broken, code) => {
    const project = each.project({ yaml: yaml(0) });
    const { up, web, open } = await running(project);
    const seen = up.events().length;
    const saved = Date.now();
    project.write(broken());
    const rejected = await up.untilEvent((event) => event.type === 'rejected', 5_000, seen);
    const told = figure(`a broken file (${code}), told after`, Number(rejected['at']) - saved, { limit: 1_000 });
    expect(told).toBeLessThanOrEqual(1_000);
    const diagnostics = rejected['diagnostics'] as { code: string; range: { file: string; start: { line: number } } | null }[];
    expect(diagnostics.map((each) => each.code)).toContain(code);
    for (const each of diagnostics) if (each.range) expect(each.range.file).toBe('tunnels.yaml');
    await says(open, 'still here');
    expect(await page(web)).toBe('page 0');
    expect(await saves(up, () => project.write(yaml(2)))).toBeLessThanOrEqual(SOON);
    expect(await page(web)).toBe('page 2');
    await says(open, 'mended');
    // Nothing of what ran went through another state.
    const moved = up
      .events()
      .slice(seen)
      .filter((event) => event.to !== undefined);
    figure(`a broken file (${code}), tunnels and hosts that changed their state`, moved.length, { unit: 'of them', limit: 0 });
    expect(moved).toEqual([]);
  });

  it('a file that is gone for a while, and the half of a save', async () => {
    const project = each.project({ yaml: yaml(0) });
    const { up, web, open } = await running(project);
    const main = join(project.dir, 'tunnels.yaml');
    const seen = up.events().length;
    rmSync(main);
    await up.untilEvent((event) => event.type === 'rejected', 5_000, seen);
    await says(open, 'still here');
    expect(await page(web)).toBe('page 0');
    const text = stringify(yaml(3));
    await saves(up, () => {
      writeFileSync(main, text.slice(0, text.length / 2));
      writeFileSync(main, text);
    });
    await until(async () => (await page(web)) === 'page 3', { what: 'page 3', ms: 3_000 });
    await says(open, 'still here');
  });

  it('a person sees where the mistake is', async () => {
    const project = each.project({ yaml: yaml(0) });
    const up = project.up([], { progress: 'plain' });
    await up.untilLine(/2 tunnels are open/);
    project.write('tunnels:\n  web: -L 1:a:2 bastion\n  echo: -L nonsense bastion\n');
    await up.untilLine(/nothing was changed/);
    await up.untilLine(/^tunnels\.yaml:3:\d+ /);
    project.write(yaml(1));
    await up.untilLine(/reloaded: 1 change/);
    expect(await up.stop()).toMatchObject({ code: 0 });
  });
});

describe('every file that was read', () => {
  const web = (number: number): Record<string, unknown> => ({ tunnels: { web: { egress: egress(number) } } });

  it('an override that appears, changes and goes', async () => {
    const project = each.project({ yaml: yaml(0) });
    const { up, web: port, open } = await running(project);
    expect(await saves(up, () => project.write(web(1), 'tunnels.override.yaml'))).toBeLessThanOrEqual(SOON);
    expect(await page(port)).toBe('page 1');
    await saves(up, () => project.write(web(2), 'tunnels.override.yaml'));
    expect(await page(port)).toBe('page 2');
    await saves(up, () => rmSync(join(project.dir, 'tunnels.override.yaml')));
    expect(await page(port)).toBe('page 0');
    await says(open, 'still here');
  });

  it('an include, in a directory of its own, and one that is included only later', async () => {
    const rest = yaml(0) as { hosts: unknown; tunnels: { echo: unknown; web: unknown } };
    const including = (...include: string[]): Record<string, unknown> => ({
      include,
      hosts: rest.hosts,
      tunnels: { echo: rest.tunnels.echo },
    });
    const included = (number: number, name = 'web'): Record<string, unknown> => ({
      tunnels: { [name]: { type: 'local', host: 'bastion', ingress: 0, egress: egress(number) } },
    });
    const project = each.project({ yaml: including('parts/web.yaml'), files: { 'parts/web.yaml': included(0) } });
    const { up, web: port, open } = await running(project);
    expect(await saves(up, () => project.write(included(1), 'parts/web.yaml'))).toBeLessThanOrEqual(SOON);
    expect(await page(port)).toBe('page 1');
    project.write(included(2, 'later'), 'more/later.yaml');
    await saves(up, () => project.write(including('parts/web.yaml', 'more/later.yaml')));
    await up.untilOpen(['later']);
    expect(await page(up.port('later'))).toBe('page 2');
    await saves(up, () => project.write(included(3, 'later'), 'more/later.yaml'));
    expect(await page(up.port('later'))).toBe('page 3');
    await says(open, 'still here');
  });

  it('.env, there or not yet', async () => {
    const port = (number: number): number => pages[number]?.port ?? 0;
    const content = yaml(0) as { tunnels: { web: Record<string, unknown> } };
    content.tunnels.web['egress'] = `127.0.0.1:\${WEB_PORT:-${port(0)}}`;
    const project = each.project({ yaml: content });
    const { up, web: ingress, open } = await running(project);
    expect(await page(ingress)).toBe('page 0');
    expect(await saves(up, () => project.write(`WEB_PORT=${port(1)}\n`, '.env'))).toBeLessThanOrEqual(SOON);
    expect(await page(ingress)).toBe('page 1');
    await saves(up, () => project.write(`# changed\nWEB_PORT=${port(2)}\n`, '.env'));
    expect(await page(ingress)).toBe('page 2');
    await says(open, 'still here');
  });

  it('none of them with --no-watch', async () => {
    const project = each.project({ yaml: yaml(0) });
    const { up, web: port, open } = await running(project, ['--no-watch']);
    const seen = up.events().length;
    project.write(yaml(1));
    project.write(web(2), 'tunnels.override.yaml');
    await sleep(1_000);
    expect(
      up
        .events()
        .slice(seen)
        .filter((event) => event.type === 'applied' || event.type === 'rejected'),
    ).toEqual([]);
    expect(await page(port)).toBe('page 0');
    await says(open, 'still here');
    await echoes(up.port('echo'));
  });
});
