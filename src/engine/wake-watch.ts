/** Notices that the world may have changed while nobody looked: the machine slept, or its network is another one. */
import { networkInterfaces } from 'node:os';
import type { Clock } from './clock.ts';

/** How often it looks, and how far behind a look must be to count as a jump of the clock. Milliseconds. */
const LOOK_MS = 1_000;
const JUMP_MS = 4_000;

export interface WakeWatch {
  stop(): void;
}

/**
 * The addresses this machine has, as one comparable line: loopback and link-local ones say nothing about the way out. Null where the system
 * does not tell: asking takes a file descriptor, and there may be none left.
 */
export function addressesHere(): string | null {
  let interfaces: ReturnType<typeof networkInterfaces>;
  try {
    interfaces = networkInterfaces();
  } catch {
    return null;
  }
  const all = Object.entries(interfaces).flatMap(([name, list]) => (list ?? []).map((each) => ({ name, ...each })));
  const outward = all.filter((each) => !each.internal && !each.address.startsWith('fe80:'));
  return outward
    .map((each) => `${each.name} ${each.address}`)
    .toSorted()
    .join(', ');
}

/** Calls `onWake` with what was noticed. Runs until stopped. */
export function watchWake(clock: Clock, onWake: (why: string) => void, addresses: () => string | null = addressesHere): WakeWatch {
  let last = clock.now();
  let known = addresses();
  let timer: unknown = null;
  const look = (): void => {
    const now = clock.now();
    const late = now - last - LOOK_MS;
    const present = addresses() ?? known;
    const moved = known !== null && present !== known;
    last = now;
    known = present;
    timer = clock.setTimeout(look, LOOK_MS);
    if (late >= JUMP_MS || late <= -JUMP_MS) onWake(`the clock jumped by ${Math.round(late / 1_000)} s`);
    else if (moved) onWake('the addresses of this machine changed');
  };
  timer = clock.setTimeout(look, LOOK_MS);
  return { stop: () => clock.clearTimeout(timer) };
}
