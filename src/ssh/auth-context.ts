/** What the ways of authenticating share: who is asked, what is said, and what went wrong, from which the failure is made. */
import { isFailureError, type Failure } from '../core/failure.ts';
import type { SecretSource } from '../core/spec.ts';
import type { ConnectRequest, SecretRequest } from './connect-request.ts';
import type { Deadline } from './deadline.ts';

interface Problem {
  readonly problem: string;
  readonly hint: string | null;
  /** Reported as `key-unreadable`; others are only mentioned. */
  readonly fatal: boolean;
}

export class AuthContext {
  readonly request: ConnectRequest;
  private readonly deadline: Deadline;
  /** In order: `key /home/me/.ssh/id_ed25519 (SHA256:…)`, `password`. */
  readonly tried: string[] = [];
  /** Ways that worked, where the server asks for several (RFC 4252 §5.1, partial success). */
  readonly accepted: string[] = [];
  readonly keyProblems: Problem[] = [];
  readonly missingPassphrases: string[] = [];
  /** The questions nobody could answer: `password`. */
  readonly unanswered: string[] = [];
  /** Why a command that was to print a secret gave none. */
  readonly secretFailures: Failure[] = [];

  constructor(request: ConnectRequest, deadline: Deadline) {
    this.request = request;
    this.deadline = deadline;
  }

  /** A human gets three tries; a variable or a command says the same each time. */
  isHuman(source: SecretSource | null): boolean {
    return source === null || 'prompt' in source;
  }

  /** Asks with the clock stopped. Null: nobody can answer, or a command could not (`secretFailures`). */
  async ask(question: Pick<SecretRequest, 'kind' | 'prompt' | 'echo' | 'keyFile' | 'source'>): Promise<string | null> {
    const { host, asker, signal } = this.request;
    try {
      return await this.deadline.without(() => asker.secret({ host: host.name, user: host.user, ...question }, signal));
    } catch (error) {
      if (!isFailureError(error)) throw error;
      this.secretFailures.push(error.failure);
      return null;
    }
  }

  /** The same work with the clock stopped: a passphrase, a touch, a confirmation by the agent take as long as they take. */
  patiently<A extends unknown[], T>(work: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
    return (...args) => this.deadline.without(() => work(...args));
  }

  debug(level: 1 | 2 | 3, message: string): void {
    if (level <= this.request.verbosity) this.request.notify({ type: 'debug', level, message });
  }

  warn(message: string, hint: string | null): void {
    this.request.notify({ type: 'warning', message: `${this.request.host.name}: ${message}`, hint });
  }

  keyProblem(problem: string, hint: string | null, fatal: boolean): void {
    if (this.keyProblems.some((known) => known.problem === problem)) return;
    this.keyProblems.push({ problem, hint, fatal });
    this.debug(1, problem);
  }

  passphraseMissing(problem: string): void {
    if (!this.missingPassphrases.includes(problem)) this.missingPassphrases.push(problem);
  }

  /** The reason to stop before a human is asked for a password that no configuration speaks of. */
  get keysAreToBlame(): boolean {
    return this.missingPassphrases.length > 0 || this.keyProblems.some((problem) => problem.fatal);
  }
}
