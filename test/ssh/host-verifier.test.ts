import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConnectNotice } from '../../src/ssh/connect-request.ts';
import { Deadline } from '../../src/ssh/deadline.ts';
import { generateKey } from '../../src/ssh/generate-key.ts';
import { HostVerifier } from '../../src/ssh/host-verifier.ts';
import { parsePublicLine } from '../../src/ssh/public-key.ts';
import { hostSpec } from '../helpers/spec.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'host-verifier-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const newKey = (): Buffer => parsePublicLine(generateKey().publicKey)?.blob ?? Buffer.alloc(0);

/** One connection to a server that shows `key`: what is told, and how often somebody was asked. */
async function connect(file: string, { key, policy }: { readonly key: Buffer; readonly policy: 'ask' | 'accept-new' }) {
  const notices: ConnectNotice[] = [];
  let questions = 0;
  const verifier = await HostVerifier.prepare({
    host: hostSpec('bastion', { knownHosts: [file], hostKeyPolicy: policy }),
    port: 22,
    asker: {
      secret: () => Promise.resolve(null),
      hostKey: () => {
        questions += 1;
        return Promise.resolve('yes');
      },
    },
    notify: (notice) => notices.push(notice),
    signal: new AbortController().signal,
    verbosity: 0,
  });
  const trusted = await verifier.verify(key, new Deadline(() => undefined)).then(
    () => null,
    (error: unknown) => error,
  );
  return { notices, questions, failure: trusted };
}

test.each(['ask', 'accept-new'] as const)('under %s it is told which file a new key is stored in', async (policy) => {
  const file = join(dir, 'known_hosts');
  const { notices } = await connect(file, { key: newKey(), policy });
  expect(notices).toEqual([expect.objectContaining({ type: 'host-key', trusted: expect.stringMatching(`, stored in ${file}$`) })]);
});

test.each(['ask', 'accept-new'] as const)('under %s a key that may not be stored is trusted by this process alone', async (policy) => {
  const file = join(dir, 'authorized_keys');
  const text = `${generateKey().publicKey}\n`;
  writeFileSync(file, text);
  const key = newKey();
  const first = await connect(file, { key, policy });
  expect(first.failure).toBeNull();
  expect(first.notices).toContainEqual({
    type: 'warning',
    message: `bastion: the host key is not stored in ${file}: it is a list of keys that may log in`,
    hint: 'it is trusted until this program ends; check known_hosts',
  });
  expect(await connect(file, { key, policy })).toMatchObject({ failure: null, questions: 0, notices: [{ trusted: 'accepted before' }] });
  expect(await connect(file, { key: newKey(), policy })).toMatchObject({
    failure: { failure: { code: 'host-key-changed' } },
    questions: 0,
  });
  expect(readFileSync(file, 'utf8')).toBe(text);
});
