/** Notices that the world may have changed while nobody looked: the machine slept, or its network is another one. */
import { networkInterfaces } from 'node:os';
import type { Clock } from './clock.ts';
import { routesHere } from './routes-here.ts';

/** How often it looks, and how far behind a look must be to count as a jump of the clock. Milliseconds. */
const LOOK_MS = 1_000;
const JUMP_MS = 4_000;
/** Looks after some news before there is more: where containers come and go, each would put an end to every wait for a retry. */
const QUIET_LOOKS = 10;

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

/** What the machine's network looks like, each as a comparable text, null where it cannot be told. */
export interface NetworkView {
  readonly addresses: () => string | null;
  readonly routes: () => string | null;
}

const NETWORK_HERE: NetworkView = { addresses: addressesHere, routes: routesHere };

const NEWS = { addresses: 'the addresses of this machine changed', routes: 'the routes of this machine changed' } as const;

/** Calls `onWake` with what was noticed. Runs until stopped. */
export function watchWake(clock: Clock, onWake: (why: string) => void, network: NetworkView = NETWORK_HERE): WakeWatch {
  let last = clock.now();
  let timer: unknown = null;
  let quiet = 0;
  let pending: keyof NetworkView | null = null;
  const known = { addresses: network.addresses(), routes: network.routes() };
  /** Is it another one than before? What cannot be told is no news. */
  const changed = (what: keyof NetworkView): boolean => {
    const before = known[what];
    known[what] = network[what]() ?? before;
    return before !== null && known[what] !== before;
  };
  const tell = (why: string): void => {
    pending = null;
    quiet = QUIET_LOOKS;
    onWake(why);
  };
  const look = (): void => {
    const now = clock.now();
    const late = now - last - LOOK_MS;
    const [readdressed, rerouted] = [changed('addresses'), changed('routes')];
    last = now;
    quiet -= 1;
    if (readdressed) pending = 'addresses';
    else if (rerouted) pending ??= 'routes';
    timer = clock.setTimeout(look, LOOK_MS);
    if (late >= JUMP_MS || late <= -JUMP_MS) tell(`the clock jumped by ${Math.round(late / 1_000)} s`);
    else if (pending && quiet <= 0) tell(NEWS[pending]);
  };
  timer = clock.setTimeout(look, LOOK_MS);
  return { stop: () => clock.clearTimeout(timer) };
}
