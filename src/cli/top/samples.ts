/** From one snapshot after the other: how fast each tunnel carries, and how fast it has. Values only. */
import type { Snapshot, TunnelView } from '../../core/snapshot.ts';

/** Samples that are kept of each tunnel: as many as the widest plot shows. */
export const KEPT = 60;

export interface Sample {
  readonly view: TunnelView;
  /** Bytes a second from the egress to the clients, and back; null before there are two snapshots to compare. */
  readonly rxRate: number | null;
  readonly txRate: number | null;
  /** Both rates together, oldest first, at most `KEPT`. */
  readonly history: readonly number[];
}

export interface Samples {
  readonly project: string;
  /** Milliseconds, of any clock that only goes forward. */
  readonly at: number;
  /** In the order of the file. */
  readonly tunnels: readonly Sample[];
}

export function nextSamples(before: Samples | null, snapshot: Snapshot, at: number): Samples {
  const seconds = before === null ? 0 : (at - before.at) / 1000;
  const known = new Map(before?.tunnels.map((sample) => [sample.view.name, sample]));
  return {
    project: snapshot.project,
    at,
    tunnels: snapshot.tunnels.map((view) => sampleOf(view, known.get(view.name), seconds)),
  };
}

function sampleOf(view: TunnelView, before: Sample | undefined, seconds: number): Sample {
  if (!before || seconds <= 0) return { view, rxRate: null, txRate: null, history: before?.history ?? [] };
  // A tunnel that was opened anew counts from 0 again: then what it has is what it carried since.
  const rate = (now: number, then: number): number => (now >= then ? now - then : now) / seconds;
  const rxRate = rate(view.rx_bytes, before.view.rx_bytes);
  const txRate = rate(view.tx_bytes, before.view.tx_bytes);
  return { view, rxRate, txRate, history: [...before.history, rxRate + txRate].slice(-KEPT) };
}
