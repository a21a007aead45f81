/**
 * Remembers what was bound on hosts when their connections went, so that a refusal to bind it again can be understood (forward/stale-bind).
 * One for all tunnels: it outlives a tunnel that is restarted meanwhile, or goes by another host and comes back.
 */
import { formatAddress, type Address } from '../core/address.ts';
import type { EarlierBind } from '../forward/stale-bind.ts';
import type { Connection } from '../ssh/connection.ts';
import type { Clock } from './clock.ts';
import { addressesHere } from './wake-watch.ts';

export interface BindPlace {
  /** The session it is bound through. */
  readonly session: string;
  readonly address: Address;
}

interface Grip {
  /** The addresses of this machine when it was bound. */
  readonly from: readonly string[] | null;
  lostAt: number | null;
}

const keyOf = ({ session, address }: BindPlace): string => `${session} ${formatAddress(address)}`;

/** As many places are remembered; a server that allocates another port each time would make them ever more. */
const MOST_PLACES = 1_000;

export class LostBinds {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #addresses: () => string | null;
  readonly #grips = new Map<string, Grip>();

  constructor(clock: Pick<Clock, 'now'>, addresses: () => string | null = addressesHere) {
    this.#clock = clock;
    this.#addresses = addresses;
  }

  /** Bound through a connection, and lost with it. Whether it was let go of before cannot be known of a link that is dying. */
  hold(place: BindPlace, connection: Pick<Connection, 'closed'>): void {
    const grip: Grip = { from: this.#present(), lostAt: null };
    const key = keyOf(place);
    this.#grips.delete(key);
    this.#grips.set(key, grip);
    const [oldest] = this.#grips.keys();
    if (this.#grips.size > MOST_PLACES && oldest !== undefined) this.#grips.delete(oldest);
    void connection.closed.then(() => (grip.lostAt = this.#clock.now()));
  }

  /** Let go of through a connection that lives: whoever holds it from now on is somebody else. */
  release(place: BindPlace): void {
    const key = keyOf(place);
    if (this.#grips.get(key)?.lostAt === null) this.#grips.delete(key);
  }

  /** Null where it was not held, or still is. */
  earlier(place: BindPlace): EarlierBind | null {
    const grip = this.#grips.get(keyOf(place));
    if (!grip || grip.lostAt === null) return null;
    const present = this.#present();
    const addressChanged = present !== null && grip.from !== null && grip.from.some((each) => !present.includes(each));
    const { lostAt } = grip;
    // Said when it is known who holds it, which may be seconds from now.
    return { lostMsAgo: () => this.#clock.now() - lostAt, addressChanged };
  }

  #present(): readonly string[] | null {
    return (
      this.#addresses()
        ?.split(', ')
        .filter((each) => each !== '') ?? null
    );
  }
}
