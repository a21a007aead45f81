import { expect, it } from 'vitest';
import { formatDiagnostic, type Diagnostic } from '../../src/core/diagnostic.ts';

const at = (message: string, hint: string | null = null): Diagnostic => ({
  code: 'schema',
  severity: 'error',
  message,
  hint,
  range: { file: 'tunnels.yaml', start: { line: 12, column: 11 }, end: { line: 12, column: 18 } },
});

it('is the place, the message and what to do next', () => {
  expect(formatDiagnostic(at('unknown host "bastoin"', 'did you mean "bastion"?'))).toBe(
    'tunnels.yaml:12:11 unknown host "bastoin", did you mean "bastion"?',
  );
});

it('without a place is the message alone', () => {
  expect(formatDiagnostic({ ...at('no tunnels.yaml here'), range: null })).toBe('no tunnels.yaml here');
});

it('shows what a file would send to the terminal', () => {
  expect(formatDiagnostic(at('egress \u001b[31mx\u0007 \u009b2J'))).toBe('tunnels.yaml:12:11 egress \\x1b[31mx\\x07 \\x9b2J');
});
