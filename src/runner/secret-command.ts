/** A secret that a command prints: its first line. What it says on stderr is the only thing of it that is ever shown. */
import { FailureError, type FailureCode } from '../core/failure.ts';
import type { ProjectCommand } from '../core/spec.ts';
import { endText, lastLine, shownWord, type CommandEnd, type RunCommand } from '../engine/command.ts';
import type { SecretRequest } from '../engine/engine.ts';

/** It may wait for a touch, or for a window of a password manager; but sshd does not wait much longer. */
const LIMIT_MS = 60_000;

type Asked = Pick<SecretRequest, 'host' | 'kind'>;

export interface Asking {
  readonly run: RunCommand;
  readonly signal: AbortSignal;
  readonly limitMs?: number;
}

/** Rejects with a FailureError; its code is that of the secret's absence. Null: it is not wanted any more. */
export async function secretOfCommand(
  command: ProjectCommand,
  asked: Asked,
  { run, signal, limitMs = LIMIT_MS }: Asking,
): Promise<string | null> {
  const { argv, cwd } = command;
  if (!command.trusted) throw refusal(asked, argv, { what: 'is not allowed to run', code: 'untrusted', hint: 'allow it: tunnels trust' });
  const limit = AbortSignal.timeout(limitMs);
  const end = await run({ argv, cwd, env: {}, keep: 'start', signal: AbortSignal.any([signal, limit]) });
  if (signal.aborted) return null;
  if (limit.aborted)
    throw refusal(asked, argv, { what: `was not done within ${limitMs / 1000} s`, hint: 'does it wait for an answer? it has no terminal' });
  if (end.overflow || end.how.ended !== 'exit' || end.how.code !== 0) throw refusal(asked, argv, failed(end));
  const secret = firstLine(end.stdout);
  if (secret === '') throw refusal(asked, argv, { what: 'printed nothing', hint: 'the first line it prints on stdout is taken' });
  return secret;
}

interface Reason {
  readonly what: string;
  readonly hint: string;
  readonly code?: FailureCode;
}

function failed(end: CommandEnd): Reason {
  const said = withoutSecret(lastLine(end.stderr), end.stdout);
  const hint =
    end.how.ended === 'not-started'
      ? 'is it installed, and in PATH? a relative path begins at the project directory'
      : 'run it by hand: it must print the secret on its first line and end with 0, without asking';
  return { what: `${endText(end)}${said === '' ? '' : `: ${said}`}`, hint };
}

/** One that traces what it does (`sh -x`) may say what it prints. */
function withoutSecret(said: string, printed: string): string {
  const secret = firstLine(printed).trim();
  return secret === '' ? said : said.replaceAll(secret, '***');
}

/** Without the end of the line, as both systems have it. */
const firstLine = (text: string): string => (text.split('\n', 1)[0] ?? '').replace(/\r$/, '');

function refusal({ host, kind }: Asked, [program = '']: readonly string[], { what, hint, code }: Reason): FailureError {
  const message = `${host}: the command that prints the ${kind}, ${shownWord(program)}, ${what}`;
  return new FailureError({ code: code ?? (kind === 'passphrase' ? 'passphrase-required' : 'auth-rejected'), message, hint });
}
