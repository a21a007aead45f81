/**
 * The SSH connections of one host together: which of them leads, which may dial, more of them and fewer. What they make of the host is
 * for engine/session to tell.
 */
import { leadOf, stateOf, surplus } from '../core/connection-pool.ts';
import { initialSession, type SessionInput, type SessionState } from '../core/session-state.ts';
import type { LinkDriver } from './link.ts';

export interface LinkGroupDeps {
  newLink(): LinkDriver;
  missing(): readonly string[];
  /** Some of them moved: what the host was, and which led, before that. */
  settled(before: SessionState, leadBefore: LinkDriver): void;
}

export class LinkGroup {
  readonly #deps: LinkGroupDeps;
  #links: readonly LinkDriver[];
  #lead: LinkDriver;
  /** No longer wanted; what they carry goes on. */
  readonly #leaving = new Set<LinkDriver>();
  #state: SessionState = initialSession;
  #wanted = false;
  /** Several are told something: what comes of it is looked at once they all were. */
  #telling = false;

  constructor(size: number, deps: LinkGroupDeps) {
    this.#deps = deps;
    this.#lead = deps.newLink();
    this.#links = [this.#lead, ...Array.from({ length: size - 1 }, () => deps.newLink())];
  }

  get links(): readonly LinkDriver[] {
    return this.#links;
  }
  get lead(): LinkDriver {
    return this.#lead;
  }
  /** The host's. */
  get state(): SessionState {
    return this.#state;
  }
  get isUp(): boolean {
    return this.#state.name === 'connected';
  }
  /** How many are up. */
  get live(): number {
    return this.#links.filter((link) => link.connection !== null).length;
  }

  need(missing: readonly string[], wanted: boolean): void {
    this.#wanted = wanted;
    this.#tell((link) => ({ type: 'needs', missing, wanted: wanted && this.#mayDial(link) }));
  }

  /** None fits the host any more: the lead is dialled anew, and the others after it. */
  reopen(): void {
    const missing = this.#deps.missing();
    this.#tell((link) => (link === this.#lead ? { type: 'reopen', missing } : { type: 'needs', missing, wanted: false }));
  }

  kick(): void {
    const missing = this.#deps.missing();
    this.#tell((link) => (this.#mayDial(link) ? { type: 'kick', missing } : { type: 'needs', missing, wanted: false }));
  }

  /** Those that were given up get another chance. */
  retryFailed(): void {
    const missing = this.#deps.missing();
    for (const link of this.#links) if (link.state.name === 'failed' && this.#mayDial(link)) link.input({ type: 'kick', missing });
  }

  resize(size: number): void {
    const gone = surplus(this.#links, this.#lead, size);
    const added = Array.from({ length: Math.max(0, size - this.#links.length) }, () => this.#deps.newLink());
    this.#links = [...this.#links.filter((link) => !gone.includes(link)), ...added];
    for (const link of gone) {
      this.#leaving.add(link);
      void link.leave().then(() => this.#leaving.delete(link));
    }
    this.#steer();
  }

  setKeepalive(): void {
    for (const link of this.#links) link.setKeepalive();
  }

  /** Resolves when all are closed and every connection they had has ended. What was on its way out has `limitMs` from now on. */
  async stop(limitMs: number): Promise<void> {
    this.#wanted = false;
    for (const link of this.#leaving) link.hurry(limitMs);
    const all = [...this.#links, ...this.#leaving];
    this.#tell(() => ({ type: 'stop' }));
    await Promise.all(all.map((link) => link.stop()));
  }

  /** Ends what is retiring now. */
  hurry(): void {
    for (const link of [...this.#links, ...this.#leaving]) link.hurry(0);
  }

  /** One of them moved. */
  moved(): void {
    if (!this.#telling) this.#settle();
  }

  /**
   * While the host is down only its lead is dialled. Then one goes ahead of the others: where it is rejected (a one-time code, a limit for
   * the account) they would be as well, and so many failed logins at once get an address banned.
   */
  #mayDial(link: LinkDriver): boolean {
    if (link === this.#lead || !this.isUp) return link === this.#lead;
    return this.live > 1 || link === this.#links.find((each) => each !== this.#lead);
  }

  #tell(input: (link: LinkDriver) => SessionInput): void {
    this.#telling = true;
    for (const link of this.#links) link.input(input(link));
    this.#telling = false;
    this.#settle();
  }

  #settle(): void {
    const [before, leadBefore] = [this.#state, this.#lead];
    this.#lead = leadOf(this.#links, leadBefore);
    this.#state = stateOf([...this.#links, ...this.#leaving], this.#lead);
    this.#deps.settled(before, leadBefore);
    if (this.isUp && before.name !== 'connected') this.retryFailed();
    this.#steer();
  }

  /** The further ones follow. */
  #steer(): void {
    if (this.#links.length === 1) return;
    const missing = this.#deps.missing();
    this.#telling = true;
    for (const link of this.#links)
      if (link !== this.#lead) link.input({ type: 'needs', missing, wanted: this.#wanted && this.#mayDial(link) });
    this.#telling = false;
  }
}
