/** Questions for whoever sits at the terminal: one at a time, on stderr, and none at all without a terminal. */
import type { Readable, Writable } from 'node:stream';
import type * as clackPrompts from '@clack/prompts';
import type { Questions } from '../runner/runner-port.ts';
import type { Io } from './io.ts';

export type Prompts = Pick<typeof clackPrompts, 'confirm' | 'password' | 'text'>;

export interface QuestionOptions {
  readonly io: Pick<Io, 'stdin' | 'stderr'>;
  /** Clears the live view, until the function it gives is called. */
  readonly suspend: () => Promise<() => void>;
  /** Ctrl-C, which reaches us as a key while a question is open. */
  readonly onInterrupt: () => void;
  readonly prompts?: () => Promise<Prompts>;
}

/** `ssh-ed25519` → `ED25519`, as ssh says it. */
function keyTypeName(algorithm: string): string {
  if (algorithm.startsWith('ecdsa-')) return 'ECDSA';
  return algorithm.replace(/^(ssh-|rsa-sha2-.*)/, (match) => (match === 'ssh-' ? '' : 'RSA')).toUpperCase();
}

export function terminalQuestions({ io, suspend, onInterrupt, prompts = () => import('@clack/prompts') }: QuestionOptions): Questions {
  const isTerminal = io.stdin.isTTY === true && io.stderr.isTTY === true;
  let last: Promise<unknown> = Promise.resolve();

  /** Queued: two hosts may ask at the same time, but there is one keyboard. */
  const ask = <T>(signal: AbortSignal, question: (clack: Prompts) => Promise<T | symbol>): Promise<T | null> => {
    if (!isTerminal) return Promise.resolve(null);
    const answer = last.then(async () => {
      if (signal.aborted) return null;
      const resume = await suspend();
      try {
        const clack = await prompts();
        const value = await question(clack);
        if (typeof value !== 'symbol') return value;
        // A question is also cancelled when nobody wants its answer any more: that is no Ctrl-C.
        if (!signal.aborted) onInterrupt();
        return null;
      } finally {
        resume();
      }
    });
    last = answer.catch(() => undefined);
    return answer;
  };

  const streams = { input: io.stdin as Readable, output: io.stderr as unknown as Writable };
  return {
    secret: ({ host, prompt, echo }, signal) =>
      ask<string>(signal, async (clack) => {
        const asked = prompt.trim().replace(/:$/, '');
        const message = asked.includes(host) ? asked : `${host}: ${asked}`;
        const options = { ...streams, message, signal };
        const answer = echo ? await clack.text(options) : await clack.password(options);
        // Clack gives undefined for an empty line; an empty answer is still an answer.
        return answer ?? '';
      }),
    hostKey: ({ host, address, algorithm, fingerprint }, signal) =>
      ask<'yes' | 'no'>(signal, async (clack) => {
        const who = host === address ? host : `${host} (${address})`;
        io.stderr.write(
          `The authenticity of host '${who}' can't be established.\n${keyTypeName(algorithm)} key fingerprint is ${fingerprint}.\n`,
        );
        const answer = await clack.confirm({
          ...streams,
          message: 'Are you sure you want to continue connecting?',
          active: 'yes',
          inactive: 'no',
          initialValue: false,
          signal,
        });
        return typeof answer === 'boolean' ? (answer ? 'yes' : 'no') : answer;
      }),
  };
}
