/** The text of `--help`; pure. */
interface Named {
  readonly name: string;
  readonly about: string;
}

const COLUMN = 14;

export const help = (measures: readonly Named[]): string => `usage: npm run bench -- [OPTIONS]

Measures the built program against the system's ssh, and autossh where installed, through one sshd, in turns, and prints one table.

  --only NAME   only this; may be repeated
  --runs N      measured runs of each side at least, of which the table has the median (5); up to ten go before, which do not count; rows called first have fewer
  --quick       everything short and small, once: to see that it works, not how fast
  --json        JSON instead of the table, with every run
  --save        also writes bench/results/TIME-COMMIT.json
  --write-up    measures nothing: writes the newest of those results into docs/performance.md and draws docs/performance.svg
  -h, --help    this

names:
${measures.map(({ name, about }) => `  ${name.padEnd(COLUMN)}${about}`).join('\n')}

ratio is tunnels/ssh, the median of the rounds' ratios, and quartiles are theirs: where they lie far apart, the machine was busy with something
else, and CPU rows say more than the others. direct is without a tunnel: the most that the machine and the load give.
TUNNELS_BENCH_PROGRAM=FILE measures that main.js instead of building this tree.
`;
