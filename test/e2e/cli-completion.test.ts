/** Tab, pressed in real shells. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runChild } from '../helpers/child.ts';
import { figure } from '../helpers/figure.ts';
import { createProject, programFile, type Project } from '../helpers/project.ts';
import { startTerminal, type Terminal } from '../helpers/terminal.ts';

const HOST = { hostname: 'bastion.example.com', ssh_config: false };
let project: Project;
let bin: string;

beforeAll(() => {
  project = createProject({
    yaml: {
      hosts: { bastion: HOST, 'deploy@gate:2222': HOST, 'x@[fe80::1]:22': HOST },
      tunnels: { web: '-L 8080:web:80 bastion', 'web-2': '-L 8081:web:80 deploy@gate:2222', git: '-L 7999:git:80 x@[fe80::1]:22' },
    },
    files: { 'other file.yaml': 'tunnels: { elsewhere: -L 1:a:2 bastion }', 'evil.yaml': 'tunnels: { "$(touch pwned)": 1, "a b": 1 }' },
  });
  bin = join(project.home, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'tunnels'), `#!/bin/sh\nexec ${process.execPath} ${programFile()} "$@"\n`);
  chmodSync(join(bin, 'tunnels'), 0o755);
});
afterAll(() => project.remove());

const shellEnv = (): Record<string, string> => ({
  ...project.env,
  PATH: `${bin}:${project.env['PATH'] ?? ''}`,
  TERM: 'xterm',
  HISTFILE: '/dev/null',
});
const has = (shell: string): boolean => spawnSync('sh', ['-c', `command -v ${shell}`]).status === 0;

/** How each is started bare, and told of the completion. */
const SHELLS = {
  bash: {
    command: ['bash', '--norc', '--noprofile', '-i'],
    setup: `bind 'set bell-style none'; PS1='$ '; eval "$(tunnels completion bash)"`,
  },
  zsh: { command: ['zsh', '-f', '-i'], setup: `PS1='$ '; autoload -U compinit; compinit -u -D; eval "$(tunnels completion zsh)"` },
  fish: { command: ['fish', '--no-config', '-i'], setup: `function fish_prompt; echo '$ '; end; tunnels completion fish | source` },
} as const;

describe.each(Object.entries(SHELLS).filter(([shell]) => has(shell)))('%s', (shell, { command, setup }) => {
  let terminal: Terminal;
  beforeAll(async () => {
    terminal = await startTerminal({ command, cwd: project.dir, env: shellEnv(), columns: 100, rows: 30 });
    await terminal.untilShows(/[$#%>] *$/);
    terminal.type(`${setup}\r`);
    terminal.type(`echo rea''dy\r`);
    await terminal.untilShows(/^ready/m);
  });
  afterAll(() => terminal.stop());

  /** What the line becomes when Tab is pressed at its end. */
  async function tab(line: string, becomes: string): Promise<void> {
    // Ctrl-C would flush what is typed after it; Ctrl-U only empties the line.
    terminal.type('\u0015clear\r');
    // The prompt, and not only the empty screen before it: what is typed then is echoed in front of it.
    await terminal.untilShows(/^\$ *$/);
    terminal.type(`${line}\t`);
    const shown = becomes.trimEnd();
    await terminal.until(
      (screen) => screen.split('\n').some((each) => each.replace(/^\S* /, '').trimEnd() === shown),
      `the line "${shown}"`,
    );
  }

  it.each([
    ['a command', 'tunnels grap', 'tunnels graph '],
    ['a flag', 'tunnels up --no-w', 'tunnels up --no-watch '],
    ['a value', 'tunnels graph --format me', 'tunnels graph --format mermaid '],
    ['a value after =', 'tunnels graph --format=me', 'tunnels graph --format=mermaid '],
    ['a tunnel', 'tunnels up gi', 'tunnels up git '],
    ['as much as is sure', 'tunnels up we', 'tunnels up web'],
    ['a host with a colon in its name', 'tunnels logs deploy@gate:', 'tunnels logs deploy@gate:2222 '],
    ['a name of another file', `tunnels -f 'other file.yaml' up el`, `tunnels -f 'other file.yaml' up elsewhere `],
    ['a word of the command to run', 'tunnels run -- ls other', String.raw`tunnels run -- ls other\ file.yaml`],
  ])('completes %s', (_, line, becomes) => tab(line, becomes));

  it('completes a path, quoted', () => tab('tunnels -f oth', String.raw`tunnels -f other\ file.yaml`));

  it('quotes what the shell would take for something else, and runs nothing of it', async () => {
    await tab('tunnels -f evil.yaml up a', String.raw`tunnels -f evil.yaml up a\ b`);
    terminal.type(`\u0015tunnels -f evil.yaml up ${shell === 'bash' ? '\\$' : "'$"}`);
    terminal.type('\t');
    await terminal.untilShows(/touch\\? pwned/);
    terminal.type('\u0015');
    expect(existsSync(join(project.dir, 'pwned'))).toBe(false);
  });
});

it('the scripts are what their shells take for one', async () => {
  for (const shell of Object.keys(SHELLS)) {
    const { code, stdout, stderr } = await project.run(['completion', shell]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const file = join(project.home, shell);
    writeFileSync(file, stdout);
    if (has(shell)) expect(await runChild(shell, ['-n', file])).toMatchObject({ code: 0, stderr: '' });
  }
});

describe('__complete', () => {
  const asked = (line: string, cwd = project.dir) =>
    runChild(process.execPath, [programFile(), '__complete', 'zsh', '--', ...line.split(' ')], { cwd, env: project.env });

  it.each(['', 'up ', '-f missing.yaml up ', '-f - up ', 'nonsense --wrong=', '-- -- --', '--file'])(
    '%j: no errors, no prompts, 0',
    async (line) => {
      expect(await asked(line)).toMatchObject({ code: 0, stderr: '' });
    },
  );

  it('is not among the commands', async () => {
    expect((await project.run(['--help'])).stdout).not.toContain('__complete');
  });

  it('answers within 300 ms of node -e 0', () => {
    const best = (args: readonly string[]): number =>
      Math.min(
        ...Array.from({ length: 8 }, () => {
          const start = performance.now();
          spawnSync(process.execPath, args, { cwd: project.dir, env: project.env });
          return performance.now() - start;
        }),
      );
    const more = best([programFile(), '__complete', 'zsh', '--', 'up', '']) - best(['-e', '0']);
    expect(figure('a completion, more than `node -e 0`', more, { limit: 300 })).toBeLessThan(300);
  });
});
