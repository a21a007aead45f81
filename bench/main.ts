/** The bench: measures, prints one table, and keeps the result where that is asked for. Started by run.mjs, which builds the program. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { help } from './help.ts';
import { MEASURES } from './measures.ts';
import { type BenchOptions, parseOptions } from './options.ts';
import { type Result, resultName, resultRow, resultText } from './result.ts';
import type { Row } from './row.ts';
import { prepareGround } from './scene.ts';
import { autosshSide, sshSide } from './sides/ssh.ts';
import { tunnelsSide } from './sides/tunnels.ts';
import { autosshVersion, describeSurroundings, misgiving, surroundings } from './surroundings.ts';
import { progressLine, table } from './table.ts';
import { writeUp } from './write-up.ts';

const root = process.cwd();

async function measureAll({ only, runs, quick }: BenchOptions, program: string): Promise<Row[]> {
  const rows: Row[] = [];
  const ground = await prepareGround();
  // Not once: from a terminal it comes twice, from there and from run.mjs.
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.on(signal, () => {
      void ground.close().finally(() => process.exit(code));
    });
  const conditions = {
    ground,
    tunnels: tunnelsSide(program),
    ssh: sshSide,
    autossh: autosshVersion() === null ? null : autosshSide,
    runs,
    quick,
    program,
    report: (more: readonly Row[]) => {
      rows.push(...more);
      for (const row of more) process.stderr.write(`${progressLine(row)}\n`);
    },
  };
  try {
    for (const measure of MEASURES) if (only.length === 0 || only.includes(measure.name)) await measure.run(conditions);
  } finally {
    await ground.close();
  }
  return rows;
}

async function bench(options: BenchOptions, program: string): Promise<void> {
  const on = surroundings(root, process.env.TUNNELS_BENCH_ELSEWHERE !== undefined);
  const why = misgiving(on);
  if (why !== null) process.stderr.write(`${why}\n`);
  const from = performance.now();
  const rows = await measureAll(options, program);
  const result: Result = {
    format: 1,
    at: new Date().toISOString(),
    seconds: Math.round((performance.now() - from) / 1000),
    runs: options.runs,
    quick: options.quick,
    surroundings: on,
    rows: rows.map(resultRow),
  };
  console.log(options.json ? resultText(result).trimEnd() : `${describeSurroundings(on)}\n\n${table(rows)}`);
  if (!options.save) return;
  const dir = join(root, 'bench', 'results');
  mkdirSync(dir, { recursive: true });
  const file = join(dir, resultName(result));
  writeFileSync(file, resultText(result));
  process.stderr.write(`kept in ${file}\n`);
}

const parsed = parseOptions(
  process.argv.slice(2),
  MEASURES.map((each) => each.name),
);
const program = process.env.TUNNELS_BENCH_PROGRAM;
if (!parsed.ok) {
  process.stderr.write(`${parsed.message}\n\n${help(MEASURES)}`);
  process.exitCode = 2;
} else if (parsed.options.help) process.stdout.write(help(MEASURES));
else if (parsed.options.writeUp) writeUp(root);
else if (program === undefined) {
  process.stderr.write('TUNNELS_BENCH_PROGRAM is not set: start the bench with `npm run bench`.\n');
  process.exitCode = 2;
} else await bench(parsed.options, program);
