import { expect, it } from 'vitest';
import { missingLines } from '../../../src/cli/render/missing-text.ts';
import { plain } from '../../../src/cli/render/style.ts';

const refused = { code: 'refused', message: 'connection refused by bastion:22', hint: 'is sshd running there?' };

it('puts those with one cause on one line, with what to do', () => {
  const missing = [
    { name: 'git', state: 'waiting', error: refused },
    { name: 'web', state: 'opening', error: null },
    { name: 'checked', state: 'open', error: null },
    { name: 'db', state: 'reconnecting', error: refused },
    { name: 'app', state: 'waiting', error: null, waiting_on: ['tunnel api'] },
    { name: 'api', state: 'reconnecting', error: null, waiting_on: ['host bastion', 'tunnel db'] },
    { name: 'late', state: 'waiting', error: null, waiting_on: ['tunnel api'] },
    { name: 'mail', state: 'failed', error: { ...refused, hint: null, message: 'no' } },
  ] as const;
  expect(missingLines(missing, plain)).toEqual([
    'git, db: connection refused by bastion:22 [refused]',
    '  → is sshd running there?',
    'web: opening',
    'checked: open, not yet healthy',
    'app, late: waiting for tunnel api',
    'api: reconnecting, waiting for host bastion and tunnel db',
    'mail: no [refused]',
  ]);
});
