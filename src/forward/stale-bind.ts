/**
 * A host refuses to let us listen where we listened before. Most often it is our own session of before the link was lost: sshd holds
 * what a session listened on until it learns that the session is dead. Connecting to the address makes sshd write to it: a peer that
 * has forgotten the connection answers with a reset, and the address is free a moment later. A peer whose address is gone answers
 * nothing, and then only ClientAliveInterval (sshd_config(5)) or TCP's own patience ends it.
 */

import { unreachable } from '../core/result.ts';

/** What this tunnel held before, and how it was lost. */
export interface EarlierBind {
  /** Since the connection it listened through was lost; milliseconds. */
  readonly lostMsAgo: () => number;
  /** This machine no longer has an address that it had then: resets cannot reach the server any more. */
  readonly addressChanged: boolean;
}

/** What came of a connection, made on the host, to the address it refuses us. */
export type Holder =
  /** It was taken and then ended: whoever held it may be gone. */
  | 'went'
  /** It sent something: a service of its own. */
  | 'speaks'
  | 'silent'
  /** Nobody listens there. */
  | 'nobody'
  /** The host does not let us connect to it. */
  | 'unknown';

export type StaleVerdict =
  | { readonly do: 'bind-again' }
  | {
      readonly do: 'tell';
      /** `own`: probably our own session that is dead. `other`: somebody holds it, and it may still be such a session. */
      readonly holder: 'own' | 'other' | 'nobody' | 'unknown';
    };

/** `earlier` is null where the tunnel has not listened there before; `triedAgain` after a second refusal. */
export function judgeHolder(holder: Holder, earlier: EarlierBind | null, triedAgain: boolean): StaleVerdict {
  switch (holder) {
    case 'went':
      // Who closes at once every time is a service that does not like us, and no session that dies.
      return triedAgain ? { do: 'tell', holder: 'other' } : { do: 'bind-again' };
    case 'silent':
      return { do: 'tell', holder: earlier ? 'own' : 'other' };
    case 'speaks':
      return { do: 'tell', holder: 'other' };
    case 'nobody':
      // It was refused and is free now: it went between the two. Twice so is a rule of the server.
      return triedAgain || !earlier ? { do: 'tell', holder: 'nobody' } : { do: 'bind-again' };
    case 'unknown':
      return { do: 'tell', holder: earlier ? 'own' : 'unknown' };
    default:
      return unreachable(holder);
  }
}

/** How long an evicted session may take to let go, where there is reason to think that it is ours; milliseconds. */
const OWN_MS = 6_000;
const OTHER_MS = 500;

/** A reset cannot come where our address is another one: then waiting for it is in vain. */
export const watchMs = (earlier: EarlierBind | null): number => (earlier && !earlier.addressChanged ? OWN_MS : OTHER_MS);
