/** Notices that this process runs out of file descriptors: the system then turns new clients away, and nobody here hears of it. */
import { closeSync, openSync } from 'node:fs';
import type { Clock } from './clock.ts';

const LOOK_MS = 1_000;
/** Looks that must find one before it is news again that there is none: where clients come and go, each would be. */
const QUIET_LOOKS = 10;
/** Fewer count as none: one that was in use for a moment when clients were turned away is free at the next look. */
const SPARE = 4;

export interface DescriptorWatch {
  stop(): void;
}

export function areSomeLeft(open: () => number = () => openSync('/dev/null', 'r')): boolean {
  const opened: number[] = [];
  try {
    while (opened.length < SPARE) opened.push(open());
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'EMFILE' && code !== 'ENFILE';
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

/** Calls `onNone` when there is none. Runs until stopped. */
export function watchDescriptors(clock: Clock, onNone: () => void, someLeft: () => boolean = areSomeLeft): DescriptorWatch {
  let found = QUIET_LOOKS;
  const look = (): void => {
    const isNews = found >= QUIET_LOOKS;
    found = someLeft() ? found + 1 : 0;
    timer = clock.setTimeout(look, LOOK_MS);
    if (found === 0 && isNews) onNone();
  };
  let timer = clock.setTimeout(look, LOOK_MS);
  return { stop: () => clock.clearTimeout(timer) };
}
