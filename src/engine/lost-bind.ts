/** Remembers what was bound on a host when its connection went, so that a refusal to bind it again can be understood (forward/stale-bind). */
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
  readonly key: string;
  /** The addresses of this machine when it was bound. */
  readonly from: readonly string[] | null;
  lostAt: number | null;
}

const keyOf = ({ session, address }: BindPlace): string => `${session} ${formatAddress(address)}`;

export class LostBind {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #addresses: () => string | null;
  #grip: Grip | null = null;

  constructor(clock: Pick<Clock, 'now'>, addresses: () => string | null = addressesHere) {
    this.#clock = clock;
    this.#addresses = addresses;
  }

  /** Bound through a connection, and lost with it. Whether it was let go of before cannot be known of a link that is dying. */
  hold(place: BindPlace, connection: Pick<Connection, 'closed'>): void {
    const grip: Grip = { key: keyOf(place), from: this.#present(), lostAt: null };
    this.#grip = grip;
    void connection.closed.then(() => (grip.lostAt = this.#clock.now()));
  }

  /** Null where it was not held there last, or still is. */
  earlier(place: BindPlace): EarlierBind | null {
    const grip = this.#grip;
    if (!grip || grip.lostAt === null || grip.key !== keyOf(place)) return null;
    const present = this.#present();
    const addressChanged = present !== null && grip.from !== null && grip.from.some((each) => !present.includes(each));
    return { lostMsAgo: this.#clock.now() - grip.lostAt, addressChanged };
  }

  #present(): readonly string[] | null {
    return (
      this.#addresses()
        ?.split(', ')
        .filter((each) => each !== '') ?? null
    );
  }
}
