/** A real ssh-agent that holds the keys asked for. */
import { join } from 'node:path';
import { check, startChild } from './child.ts';
import type { KeyPair } from './keys.ts';
import { remove, scratch } from './scratch.ts';
import { untilListening } from './services.ts';

export interface Agent {
  /** For SSH_AUTH_SOCK. */
  readonly socket: string;
  /** The fingerprints it holds now. */
  fingerprints(): Promise<string[]>;
  add(key: KeyPair): Promise<void>;
  removeAll(): Promise<void>;
  stop(): Promise<void>;
}

export async function startAgent(...keys: readonly KeyPair[]): Promise<Agent> {
  const dir = scratch('agent');
  const socket = join(dir, 's');
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  const child = startChild('ssh-agent', ['-D', '-a', socket], { env });
  const agent: Agent = {
    socket,
    fingerprints: async () => {
      const listing = await check('ssh-add', ['-l'], { env }).catch((error: unknown) => {
        if (/has no identities/.test(String(error))) return '';
        throw error;
      });
      return listing.match(/SHA256:\S+/g) ?? [];
    },
    add: async (key) => {
      if (key.passphrase !== null) throw new Error('the agent helper adds keys without a passphrase only');
      await check('ssh-add', ['-q', key.privateKeyFile], { env });
    },
    removeAll: async () => {
      await check('ssh-add', ['-q', '-D'], { env });
    },
    stop: async () => {
      await child.stop('SIGTERM');
      remove(dir);
    },
  };
  try {
    await untilListening({ path: socket });
    for (const key of keys) await agent.add(key);
    return agent;
  } catch (error) {
    await agent.stop();
    throw error;
  }
}
