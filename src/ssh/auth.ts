/** Authentication (RFC 4252) in ssh's order: keys, keyboard-interactive, password; each as long as the server offers it. */
import type { AnyAuthMethod } from 'ssh2';
import { FailureError } from '../core/failure.ts';
import type { AuthContext } from './auth-context.ts';
import { keyAttempts } from './key-attempts.ts';
import { keyboardAttempts, passwordAttempts, PasswordTries } from './passwords.ts';
import { sanitiseLine } from './sanitise.ts';

/** What the server said to the last attempt: the methods that may go on, and whether the attempt was accepted as one of several. */
export interface ServerReply {
  readonly methods: readonly string[];
  readonly partial: boolean;
}

interface Step {
  readonly method: AnyAuthMethod;
  readonly label: string;
}

/** The steps to take, one a server reply; it returns the failure when nothing is left to try. */
export type AuthSteps = AsyncGenerator<AnyAuthMethod, FailureError, ServerReply>;

/** `giveUp` ends the attempt with `authFailure`, when a question of the server's has nobody to answer it. */
export async function* authenticate(context: AuthContext, giveUp: () => void): AuthSteps {
  const { user } = context.request.host;
  const tries = new PasswordTries(context);
  const ways = new Map<string, AsyncGenerator<Step, void>>([
    ['publickey', keySteps(context)],
    ['keyboard-interactive', labelled('keyboard-interactive', keyboardAttempts(context, tries, giveUp))],
    ['password', labelled('password', passwordAttempts(context, tries))],
  ]);
  // `none` is how the methods are learnt, and all that some servers want.
  let reply = yield { type: 'none', username: user };
  for (;;) {
    const step = await nextStep(ways, reply.methods);
    if (!step) return authFailure(context, reply.methods);
    context.debug(1, `trying ${step.label}`);
    context.tried.push(step.label);
    reply = yield step.method;
    if (reply.partial) {
      context.accepted.push(step.label);
      context.debug(1, `accepted, and the server asks for more: ${reply.methods.join(', ')}`);
    }
  }
}

async function nextStep(ways: Map<string, AsyncGenerator<Step, void>>, offered: readonly string[]): Promise<Step | null> {
  for (const [name, steps] of ways) {
    if (!offered.includes(name)) continue;
    const { value } = await steps.next();
    if (value) return value;
    ways.delete(name);
  }
  return null;
}

async function* keySteps(context: AuthContext): AsyncGenerator<Step, void> {
  const username = context.request.host.user;
  for await (const { label, agent } of keyAttempts(context)) yield { label, method: { type: 'agent', username, agent } };
}

async function* labelled(label: string, methods: AsyncGenerator<AnyAuthMethod, void>): AsyncGenerator<Step, void> {
  for await (const method of methods) yield { label, method };
}

/** Why nobody was let in: what kept a secret or a key from being used is told before the refusal that came of it. */
export function authFailure(context: AuthContext, offered: readonly string[]): FailureError {
  const { host } = context.request;
  const [noSecret] = context.secretFailures;
  if (noSecret) return new FailureError(noSecret);
  const [passphrase] = context.missingPassphrases;
  if (passphrase !== undefined)
    return new FailureError({
      code: 'passphrase-required',
      message: `${host.name}: ${passphrase}`,
      hint:
        host.passphrase && 'env' in host.passphrase
          ? `is the variable ${host.passphrase.env}, which passphrase names, set? Or add the key to ssh-agent`
          : 'add the key to ssh-agent, or set passphrase: {env: NAME}',
    });
  const unreadable = context.keyProblems.find((problem) => problem.fatal);
  if (unreadable)
    return new FailureError({ code: 'key-unreadable', message: `${host.name}: ${unreadable.problem}`, hint: unreadable.hint });
  const methods = sanitiseLine(offered.join(', '), 200);
  const message =
    context.accepted.length > 0
      ? `${context.accepted.join(' and ')} accepted for ${host.user}, but the server also asks for ${methods}`
      : `permission denied for ${host.user}: the server takes ${methods || 'nothing'}; tried ${context.tried.join(', ') || 'nothing, as there is no key or password to try'}`;
  return new FailureError({ code: 'auth-rejected', message: `${host.name}: ${message}`, hint: rejectionHint(context, offered) });
}

function rejectionHint(context: AuthContext, offered: readonly string[]): string {
  const { host } = context.request;
  const noted = context.keyProblems.map((problem) => problem.problem);
  const variable = host.password && 'env' in host.password ? host.password.env : null;
  if (context.unanswered.includes('password') && variable !== null)
    return `the variable ${variable}, which password names, is not set: set it in the environment or in .env`;
  if (context.unanswered.length > 0) return 'there is nobody to ask for a password: set password: {env: NAME}, or run in a terminal';
  if (noted.length > 0) return noted.join('; ');
  if (offered.includes('publickey'))
    return `is the right key in identity_file or the agent, and in authorized_keys of ${host.user} on ${host.hostname}? is user right?`;
  return 'check user and password';
}
