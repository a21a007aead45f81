import { rmSync } from 'node:fs';

/** Removes a folder in which a program writes meanwhile: what it makes while this goes on is removed too. */
export function removeInUse(folder: string): void {
  for (let tries = 0; ; tries += 1) {
    try {
      rmSync(folder, { recursive: true });
      return;
    } catch (error) {
      if (tries === 100 || (error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
    }
  }
}
