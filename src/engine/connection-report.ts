/** Tells how the several SSH connections of a host stand: those that went while others carry on, and those that cannot be made. */
import type { EventBody } from '../core/event.ts';
import { retryClass, type Failure } from '../core/failure.ts';
import type { Clock } from './clock.ts';

/** Those that go together are told of together, or not at all where the whole host went: its own event tells. Milliseconds. */
const GATHER_MS = 200;

export interface ReportDeps {
  readonly clock: Clock;
  publish(body: EventBody): void;
  standing(): Standing;
}

interface Standing {
  /** The host's, as its failures name it. */
  readonly host: string;
  readonly live: number;
  readonly wanted: number;
}

interface Losses {
  readonly connections: number;
  readonly channels: number;
  readonly cause: Failure | null;
}

const NONE: Losses = { connections: 0, channels: 0, cause: null };

export class ConnectionReport {
  readonly #deps: ReportDeps;
  #timer: unknown = null;
  #lost = NONE;
  #refusal: Failure | null = null;
  /** That some cannot be made is said once, until all are up. */
  #said = false;

  constructor(deps: ReportDeps) {
    this.#deps = deps;
  }

  /** One went, and `channels` with it. */
  lost(cause: Failure | null, channels: number): void {
    const { connections, channels: before, cause: first } = this.#lost;
    this.#lost = { connections: connections + 1, channels: before + channels, cause: first ?? cause };
    this.#schedule();
  }

  /** A further one could not be made. */
  refused(failure: Failure): void {
    if (this.#said) return;
    this.#refusal = failure;
    this.#schedule();
  }

  cameUp(): void {
    const { live, wanted } = this.#deps.standing();
    if (live >= wanted) this.begin();
  }

  /** What cannot be made from now on is worth telling again. */
  begin(): void {
    this.#said = false;
    this.#refusal = null;
  }

  /** The host went as a whole, or is left on purpose: there is nothing to add to that. */
  hush(): void {
    this.#deps.clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#lost = NONE;
    this.#refusal = null;
  }

  #schedule(): void {
    this.#timer ??= this.#deps.clock.setTimeout(() => this.#tell(), GATHER_MS);
  }

  #tell(): void {
    const [lost, refusal, standing] = [this.#lost, this.#refusal, this.#deps.standing()];
    this.hush();
    if (lost.connections > 0) this.#deps.publish({ type: 'warning', ...lossText(lost, standing) });
    if (!refusal) return;
    this.#said = true;
    this.#deps.publish({ type: 'warning', ...refusalText(refusal, standing) });
  }
}

type Text = Pick<Extract<EventBody, { type: 'warning' }>, 'message' | 'hint'>;

/** A failure's words without the host's name, which the sentence begins with. */
const reason = (failure: Failure, host: string): string =>
  failure.message.startsWith(`${host}: `) ? failure.message.slice(host.length + 2) : failure.message;

function lossText({ connections, channels, cause }: Losses, { host, wanted }: Standing): Text {
  const them = connections === 1 ? 'it' : 'them';
  const were = connections === 1 ? 'was' : 'were';
  const took = channels === 0 ? '' : `, and what went over ${them} (${channels} ${channels === 1 ? 'connection' : 'connections'})`;
  const why = cause ? `: ${reason(cause, host)}` : '';
  const again = `the others carry on; ${connections === 1 ? 'it is' : 'they are'} dialled again`;
  return { message: `${host}: ${connections} of its ${wanted} SSH connections ${were} lost${took}${why}`, hint: again };
}

function refusalText(failure: Failure, { host, live, wanted }: Standing): Text {
  const message = `${host}: ${live} of its ${wanted} SSH connections ${live === 1 ? 'is' : 'are'} up: ${reason(failure, host)}`;
  const after =
    retryClass(failure.code) === 'needs-user'
      ? 'the others carry all, and it is not tried again by itself'
      : 'it is tried again, and meanwhile the others carry all'; // prettier-ignore
  return { message, hint: failure.hint ? `${failure.hint}; ${after}` : after };
}
