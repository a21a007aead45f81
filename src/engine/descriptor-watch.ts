/** Notices that this process has no file descriptor left: the system then turns new clients away, and nobody here hears of it. */
import { closeSync, openSync } from 'node:fs';
import type { Clock } from './clock.ts';

const LOOK_MS = 1_000;
/** Looks that must find one before it is news again that there is none: where clients come and go, each would be. */
const QUIET_LOOKS = 10;

export interface DescriptorWatch {
  stop(): void;
}

export function isOneLeft(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'EMFILE' && code !== 'ENFILE';
  }
}

/** Calls `onNone` when there is none. Runs until stopped. */
export function watchDescriptors(clock: Clock, onNone: () => void, oneLeft: () => boolean = isOneLeft): DescriptorWatch {
  let found = QUIET_LOOKS;
  const look = (): void => {
    const isNews = found >= QUIET_LOOKS;
    found = oneLeft() ? found + 1 : 0;
    timer = clock.setTimeout(look, LOOK_MS);
    if (found === 0 && isNews) onNone();
  };
  let timer = clock.setTimeout(look, LOOK_MS);
  return { stop: () => clock.clearTimeout(timer) };
}
