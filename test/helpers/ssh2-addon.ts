/** Whether ssh2 encrypts with its native addon here: it was built, and without-addon.ts does not stand in its way. */
import { createRequire } from 'node:module';

export const hasAddon: boolean = (createRequire(import.meta.url)('ssh2/lib/protocol/crypto.js') as { bindingAvailable: boolean })
  .bindingAvailable;
