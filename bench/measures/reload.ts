/** A line of tunnels.yaml is edited: how long until its tunnel leads elsewhere, among a thousand. ssh has nothing like it. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuSeconds, helpersCpuSeconds } from '../process-cost.ts';
import { sharedClock } from '../load.ts';
import type { Conditions, Measure } from '../measure.ts';
import { valueGoal, type RowSpec } from '../row.ts';
import { alternate } from '../rounds.ts';
import { prepareSetup, start } from '../scene.ts';
import { tunnelsIn } from '../sides/tunnels.ts';

const LIMIT_MS = 200;
/** They take a second each, and go on becoming faster for some. */
const ROUNDS_A_RUN = 3;
/** Until a thousand connections that only asked whether a tunnel answers are closed, too: nobody edits before that. */
const QUIET_MS = 3_000;

export const reload: Measure = {
  name: 'reload',
  about: 'a one-line edit to its effect, with 1,000 tunnels up',
  run: async ({ ground, program, quick, runs, report }: Conditions) => {
    const count = quick ? 10 : 1_000;
    const id = `reload.${count}`;
    const title = `an egress edited, ${count.toLocaleString('en-US')} tunnels up`;
    const rows: RowSpec[] = [
      { id, title, unit: 'ms', better: 'lower', goal: valueGoal(LIMIT_MS) },
      { id: `${id}.cpu`, title: `${title}: CPU`, unit: 'ms', better: 'lower' },
      { id: `${id}.helpers`, title: `${title}: CPU of its other threads`, unit: 'ms', better: 'lower' },
      { id: `${id}.first`, title: `${title}: the first one`, unit: 'ms', better: 'lower' },
      { id: `${id}.first.cpu`, title: `${title}: the first one, CPU`, unit: 'ms', better: 'lower' },
      { id: `${id}.first.helpers`, title: `${title}: the first one, CPU of its other threads`, unit: 'ms', better: 'lower' },
    ];
    const targets = { A: await ground.target.call('serve', 'A'), B: await ground.target.call('serve', 'B') };
    const setup = await prepareSetup(ground, { egress: Array.from({ length: count }, () => targets.A) });
    const side = tunnelsIn(program);
    const started = await start(ground, side, setup);
    const file = join(side.dir(), 'tunnels.yaml');
    const name = Math.floor(count / 2);
    const ingress = setup.forwards[name]?.ingress ?? 0;
    let to: keyof typeof targets = 'A';
    let isFirst = true;
    await new Promise((resolve) => setTimeout(resolve, quick ? 0 : QUIET_MS));
    const run = async () => {
      const row = isFirst ? `${id}.first` : id;
      isFirst = false;
      const from = to;
      to = to === 'A' ? 'B' : 'A';
      const line = new RegExp(`^( +t${name}: .*"127\\.0\\.0\\.1:)${targets[from]}"`, 'm');
      const before = readFileSync(file, 'utf8');
      const after = before.replace(line, `$1${targets[to]}"`);
      if (after === before) throw new Error(`no line of ${file} is t${name}'s`);
      const cpu = cpuSeconds(started.pids());
      const helpers = helpersCpuSeconds(started.pids());
      // As editors save: a new file takes the old one's place.
      writeFileSync(`${file}.new`, after);
      const edited = sharedClock();
      renameSync(`${file}.new`, file);
      const seen = await ground.client.call('allAnswer', { ports: [ingress], ms: 20_000, every: 3, expect: to }, 25_000);
      return {
        [row]: seen - edited,
        [`${row}.cpu`]: (cpuSeconds(started.pids()) - cpu) * 1_000,
        [`${row}.helpers`]: (helpersCpuSeconds(started.pids()) - helpers) * 1_000,
      };
    };
    try {
      // One of them is the first.
      report(await alternate({ group: 'reload', rows, runners: [{ name: 'tunnels', run }], runs: ROUNDS_A_RUN * runs + 1, warmUps: 0 }));
    } finally {
      await started.stop();
    }
  },
};
