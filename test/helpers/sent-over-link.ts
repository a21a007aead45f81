/** A link in time that the test counts: bytes leave at a rate and arrive half a round trip later. */

export interface LinkShape {
  readonly rttMs: number;
  /** What it carries. */
  readonly bytesPerMs: number;
  /** How finely time is counted; 1 ms. */
  readonly stepMs?: number;
}

export interface TimedLink {
  /** Bytes put in the queue before the link. */
  send(bytes: number): void;
  readonly queued: number;
  /** One step of time passes; gives what arrives in it. */
  tick(): number;
}

export function timedLink({ rttMs, bytesPerMs, stepMs = 1 }: LinkShape): TimedLink {
  const under: number[] = Array.from({ length: Math.max(1, Math.round(rttMs / 2 / stepMs)) }, () => 0);
  let queued = 0;
  return {
    send: (bytes) => void (queued += bytes),
    get queued() {
      return queued;
    },
    tick: () => {
      const leaves = Math.min(queued, Math.floor(bytesPerMs * stepMs));
      queued -= leaves;
      under.push(leaves);
      return under.shift() ?? 0;
    },
  };
}
