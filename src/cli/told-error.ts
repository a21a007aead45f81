/** How what a command throws on purpose is told: in words to people, as a line of JSON to programs that asked for that. */
import type { DaemonErrorView } from '../daemon/daemon-error.ts';
import type { Io } from './io.ts';

/** `--progress json`, also where the command line was not understood otherwise. */
export function wantsJson(argv: readonly string[]): boolean {
  const dashes = argv.indexOf('--');
  const flags = dashes < 0 ? argv : argv.slice(0, dashes);
  const last = flags.findLastIndex((word) => word === '--progress' || word.startsWith('--progress='));
  return flags[last] === '--progress=json' || (flags[last] === '--progress' && flags[last + 1] === 'json');
}

type Told = Omit<DaemonErrorView, 'code'> & { readonly code: string };

/** A line among the events, told apart by its type. */
export const errorLine = ({ code, message, hint }: Told, at: number): string =>
  `${JSON.stringify({ seq: 0, at, subject: { kind: 'project', name: '' }, type: 'error', code, message, hint })}\n`;

export function tellError(io: Pick<Io, 'stderr'>, told: Told, { isJson }: { readonly isJson: boolean }): void {
  io.stderr.write(isJson ? errorLine(told, Date.now()) : `tunnels: ${words(told)}\n`);
}

/** `shop/tunnels.yaml is not up: tunnels up -d`, where the hint is what to type; else on a line of its own. */
function words({ code, message, hint }: Told): string {
  if (hint === null) return message;
  if (code === 'usage') return `${message}\n(${hint})`;
  return code === 'not-up' ? `${message}: ${hint}` : `${message}\n→ ${hint}`;
}
