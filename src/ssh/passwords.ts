/** Password (RFC 4252 §8) and keyboard-interactive (RFC 4256) authentication. */
import type { KeyboardInteractiveAuthMethod, PasswordAuthMethod, Prompt } from 'ssh2';
import type { AuthContext } from './auth-context.ts';
import { sanitiseLine, sanitiseText } from './sanitise.ts';

const HUMAN_TRIES = 3;
const ONE_TIME = /code|token|otp|verification|second factor|yubikey|duo|challenge|new password/i;

/** The tries at the password, over both ways of giving it: a rejected one is never sent again. */
export class PasswordTries {
  private readonly context: AuthContext;
  private left: number;
  /** A password was given since the last one was asked for, and the server wants another. */
  private denied = false;
  private given = false;

  constructor(context: AuthContext) {
    this.context = context;
    this.left = context.isHuman(context.request.host.password) ? HUMAN_TRIES : 1;
  }

  get exhausted(): boolean {
    return this.left <= 0;
  }

  /** A login is begun: whatever was given before has been rejected. */
  begin(): void {
    this.denied = this.given;
  }

  /** Null: nobody can answer, or it was said already. */
  async next(prompt: string): Promise<string | null> {
    if (this.exhausted) return null;
    this.left -= 1;
    const answer = await this.context.ask({
      kind: 'password',
      prompt: this.denied ? `permission denied, try again. ${prompt}` : prompt,
      echo: false,
      keyFile: null,
      source: this.context.request.host.password,
    });
    if (answer === null) {
      this.left = 0;
      this.context.unanswered.push('password');
    }
    this.given = true;
    this.denied = false;
    return answer;
  }
}

export async function* passwordAttempts(context: AuthContext, tries: PasswordTries): AsyncGenerator<PasswordAuthMethod, void> {
  const { host } = context.request;
  while (!tries.exhausted && mayAsk(context)) {
    tries.begin();
    const password = await tries.next(`${host.user}@${host.name}'s password: `);
    if (password === null) return;
    yield { type: 'password', username: host.user, password };
  }
}

/**
 * `giveUp` is called when a question has nobody to answer it: an empty answer would count as a failed login there.
 */
export async function* keyboardAttempts(
  context: AuthContext,
  tries: PasswordTries,
  giveUp: () => void,
): AsyncGenerator<KeyboardInteractiveAuthMethod, void> {
  const { host } = context.request;
  for (let left = HUMAN_TRIES; left > 0 && mayAsk(context); left -= 1) {
    let answeredByHuman = false;
    tries.begin();
    const answerAll = async (instructions: string, prompts: readonly Prompt[]): Promise<string[] | null> => {
      const answers: string[] = [];
      for (const { prompt, echo = false } of prompts) {
        const text = sanitiseLine(`${instructions ? `${sanitiseText(instructions, 500)} ` : ''}${prompt}`, 600);
        const isPassword = !echo && !ONE_TIME.test(prompt);
        const answer = isPassword
          ? await tries.next(text)
          : await context.ask({ kind: 'otp', prompt: text, echo, keyFile: null, source: null });
        if (answer === null && !isPassword) context.unanswered.push('keyboard-interactive');
        if (answer === null) return null;
        answeredByHuman ||= !isPassword || context.isHuman(host.password);
        answers.push(answer);
      }
      return answers;
    };
    yield {
      type: 'keyboard-interactive',
      username: host.user,
      prompt: (...[, instructions, , prompts, finish]) => {
        answerAll(instructions, prompts).then(
          (answers) => (answers ? finish(answers) : giveUp()),
          () => giveUp(),
        );
      },
    };
    // A second round would bring the same answers.
    if (!answeredByHuman) return;
  }
}

/** Where the file names no password, keys that cannot be used are the thing to tell, before anybody is asked. */
const mayAsk = (context: AuthContext): boolean => context.request.host.password !== null || !context.keysAreToBlame;
