/** Answers what connecting asks: from the environment where the file says so, from the user where there is one. */
import type { Asker } from '../engine/engine.ts';
import type { Questions } from './runner-port.ts';

/** `environment` is read at each question: a reload may have changed it. */
export function createAsker(questions: Questions, environment: () => Readonly<Record<string, string>>): Asker {
  return {
    async secret({ host, user, prompt, echo, source }, signal) {
      if (source && 'env' in source) return environment()[source.env] ?? null;
      // A command may only be run for a trusted project; the configuration refuses it until trust exists.
      if (source && 'command' in source) return null;
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
