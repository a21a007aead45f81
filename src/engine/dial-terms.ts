/** What a dial may do: the first connection to a host asks the user what it must; further ones come later, ask nobody, tell nothing twice. */
import type { Asker, ConnectNotice } from '../ssh/connect-request.ts';
import { Answers } from './answers.ts';
import type { Turn } from './dial-slots.ts';

export interface DialTerms {
  readonly turn: Turn;
  readonly asker: Asker;
  readonly notify: (notice: ConnectNotice) => void;
}

/** What the host told while connecting, worth an event. */
export type HostNotice = Exclude<ConnectNotice, { type: 'phase' }>;

export class TermsOfHost {
  readonly #asker: Asker;
  readonly #publish: (notice: HostNotice) => void;
  readonly #answers = new Answers();
  /** Since the first dial. */
  readonly #told = new Set<string>();

  constructor(asker: Asker, publish: (notice: HostNotice) => void) {
    this.#asker = asker;
    this.#publish = publish;
  }

  /** `keepAnswers`: there will be further ones; an answer is kept only where there is a use for it. */
  first(keepAnswers: boolean): DialTerms {
    this.#told.clear();
    this.#answers.forget();
    const asker = keepAnswers ? this.#answers.asking(this.#asker) : this.#asker;
    return { turn: 'first', asker, notify: (notice) => this.#tell(notice) };
  }

  further(): DialTerms {
    const isNews = (notice: ConnectNotice): boolean => notice.type === 'debug' || !this.#told.has(JSON.stringify(notice));
    return {
      turn: 'later',
      asker: this.#answers.repeating(this.#asker),
      notify: (notice) => void (isNews(notice) && this.#tell(notice)),
    };
  }

  forgetAnswers(): void {
    this.#answers.forget();
  }

  #tell(notice: ConnectNotice): void {
    if (notice.type === 'phase') return;
    if (notice.type !== 'debug') this.#told.add(JSON.stringify(notice));
    this.#publish(notice);
  }
}
