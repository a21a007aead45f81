/** What a project would run on this machine: each command with its place, what it is for, and when it runs. */
import type { CommandUse, ProjectCommands } from '../../config/project-commands.ts';
import { commandText, visible } from './command-text.ts';
import { counted, formatLimit } from './quantity.ts';
import type { Style } from './style.ts';

type View = ProjectCommands['list'][number];

export function projectCommandsText({ file, directory, list }: ProjectCommands, style: Style): string {
  const head = `${visible(file)} runs ${counted(list.length, 'command')} on this machine, in ${visible(directory)}:`;
  return [head, ...list.map((each) => block(each, style))].join('\n\n');
}

function block({ name, argv, use, range }: View, style: Style): string {
  const place = visible(`${range.file}:${range.start.line}:${range.start.column}`);
  // As a shell shows the further lines of a command: nothing in it can pass for another entry.
  const [first = '', ...more] = commandText(argv).split('\n');
  const shown = [`  $ ${style('bold', first)}`, ...more.map((line) => `  > ${style('bold', line)}`)];
  return [`${style('dim', place)}  ${visible(when(name, use))}`, ...shown, ...given(use)].join('\n');
}

function when(name: string, use: CommandUse): string {
  switch (use.of) {
    case 'healthcheck':
      return `healthcheck of ${name}, every ${formatLimit(use.intervalMs)} while it is open`;
    case 'password':
      return `prints the password of ${name}, at each login as ${use.account}`;
    case 'passphrase':
      return `prints the passphrase of a key of ${name}, when ${use.account} is logged in to with it`;
  }
}

/** Variables of the file can change what a command does (PATH, LD_PRELOAD). */
const given = (use: CommandUse): string[] =>
  use.of === 'healthcheck' && Object.keys(use.env).length > 0
    ? [`    with ${commandText(Object.entries(use.env).map(([name, value]) => `${name}=${value}`)).replaceAll('\n', '\n         ')}`]
    : [];
