/** Answers what connecting asks: as the file says (a variable, a command), else from the user where there is one. */
import type { RunCommand } from '../engine/command.ts';
import type { Asker } from '../engine/engine.ts';
import type { Questions } from './runner-port.ts';
import { secretOfCommand } from './secret-command.ts';

/** `environment` is read at each question: a reload may have changed it. */
export function createAsker(questions: Questions, environment: () => Readonly<Record<string, string>>, run: RunCommand): Asker {
  return {
    async secret({ host, user, kind, prompt, echo, source }, signal) {
      if (source && 'env' in source) return environment()[source.env] ?? null;
      if (source && 'command' in source) return secretOfCommand(source.command, { host, kind }, { run, signal });
      return questions.secret({ host, prompt: prompt || `${user}@${host}`, echo }, signal);
    },
    hostKey: ({ host, address, algorithm, fingerprint }, signal) => questions.hostKey({ host, address, algorithm, fingerprint }, signal),
  };
}

/** Without a terminal nobody can answer, and nothing asks (DESIGN promise 7). */
export const nobody: Questions = {
  secret: async () => null,
  hostKey: async () => null,
};
