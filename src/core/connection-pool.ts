/**
 * The SSH connections of one host, seen as one. Each has a life of its own (core/session-state); one of them leads: listeners and
 * commands on the host are its business, and its state is the host's.
 *
 *   lead connected ── lost ──▶ another one is connected? it leads from now on, and the host stays connected
 *                                └─ none: the host is lost; the lead alone is dialled again, and the others after it
 */
import type { SessionState } from './session-state.ts';

export interface Member {
  readonly state: SessionState;
}

export interface Load {
  /** Open ones, and those that are being opened. */
  readonly channels: number;
  /** Written, and not taken by the transport yet. */
  readonly queuedBytes: number;
}

const isConnected = ({ state }: Member): boolean => state.name === 'connected';

/** `lead`, unless it is down and another one is up. */
export function leadOf<T extends Member>(members: readonly T[], lead: T): T {
  return isConnected(lead) ? lead : (members.find(isConnected) ?? lead);
}

/** The host's: that of its lead; closed once all are. */
export function stateOf(members: readonly Member[], lead: Member): SessionState {
  if (lead.state.name === 'closed' && members.some(({ state }) => state.name !== 'closed')) return { name: 'closing' };
  return lead.state;
}

/** The one to open the next channel on: with the fewest channels, then with the least queued, then the next in turn after `last`. */
export function lightest<T extends Load>(connected: readonly T[], last: T | null): T | null {
  const start = last === null ? 0 : connected.indexOf(last) + 1;
  let best: T | null = null;
  for (let offset = 0; offset < connected.length; offset += 1) {
    const each = connected[(start + offset) % connected.length];
    if (each && (best === null || isLighter(each, best))) best = each;
  }
  return best;
}

const isLighter = (a: Load, b: Load): boolean => (a.channels === b.channels ? a.queuedBytes < b.queuedBytes : a.channels < b.channels);

/** Those to let go where fewer are wanted: first what is not connected, then what carries least; never the lead. */
export function surplus<T extends Member & Load>(members: readonly T[], lead: T, wanted: number): readonly T[] {
  const weight = (each: T): number => (isConnected(each) ? each.channels + 1 : 0);
  const others = members.filter((each) => each !== lead).toSorted((a, b) => weight(a) - weight(b));
  return others.slice(0, Math.max(0, members.length - wanted));
}
