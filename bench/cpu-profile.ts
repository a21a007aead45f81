/** Where the time of a stretch of a run went, from what `node --cpu-prof` wrote; pure. */

export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string } }[];
  /** Microseconds of the clock that process.hrtime() reads. */
  readonly startTime: number;
  readonly samples: readonly number[];
  /** Microseconds between a sample and the one before. */
  readonly timeDeltas: readonly number[];
}

export const PARTS = {
  kernel: 'system calls from JavaScript (writev, close, …)',
  native: 'the event loop outside of JavaScript',
  gc: 'garbage collection',
  crypto: 'encryption (node:crypto, or ssh2’s addon)',
  node: 'node: streams, sockets, timers',
  ssh2: 'ssh2',
  ours: 'tunnels',
} as const;
export type Part = keyof typeof PARTS;

/** The share of each part of all that was not idle, from 0 to 1, between two moments of process.hrtime.bigint(), in microseconds. */
export function sharesOf(profile: CpuProfile, from: number, to: number): Readonly<Record<Part, number>> {
  const parts = new Map(profile.nodes.map(({ id, callFrame }) => [id, partOf(callFrame)]));
  const sums: Record<Part, number> = { kernel: 0, native: 0, gc: 0, crypto: 0, node: 0, ssh2: 0, ours: 0 };
  let at = profile.startTime;
  let all = 0;
  for (const [index, id] of profile.samples.entries()) {
    const took = profile.timeDeltas[index] ?? 0;
    at += took;
    const part = parts.get(id);
    if (at < from || at > to || part === undefined || part === null) continue;
    sums[part] += took;
    all += took;
  }
  for (const part of Object.keys(sums) as Part[]) sums[part] /= Math.max(all, 1);
  return sums;
}

/** Null: nothing was done. */
function partOf({ functionName, url }: { readonly functionName: string; readonly url: string }): Part | null {
  if (functionName === '(idle)') return null;
  if (functionName === '(garbage collector)') return 'gc';
  if (functionName.startsWith('(')) return 'native';
  // The methods of ssh2's addon.
  if (url === '' && (functionName === 'encrypt' || functionName === 'decrypt')) return 'crypto';
  if (url === '') return 'kernel';
  if (url.startsWith('node:internal/crypto')) return 'crypto';
  if (url.startsWith('node:')) return 'node';
  return url.includes('/node_modules/') ? 'ssh2' : 'ours';
}
