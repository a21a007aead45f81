/** Which tunnels are not as they should be, and why: those with one cause stand on one line. */
import type { ErrorView } from '../../core/snapshot.ts';
import type { TunnelStateName } from '../../core/tunnel-state.ts';
import { failureText, hintText } from './failure.ts';
import { waitingText } from './state-text.ts';
import type { Style } from './style.ts';

interface Missing {
  readonly name: string;
  readonly state: TunnelStateName;
  readonly error: ErrorView | null;
  readonly waiting_on?: readonly string[];
}

/** `git, web: connection refused by bastion:22 [refused]` and `  → is sshd running there?`. */
export function missingLines(missing: readonly Missing[], style: Style): string[] {
  const causes = new Map<string, { readonly names: string[]; readonly error: ErrorView | null; readonly words: string }>();
  for (const { name, state, error, waiting_on = [] } of missing) {
    const words = stateWords(state, waiting_on);
    const key = error === null ? `state ${words}` : `${error.code} ${error.message}`;
    const cause = causes.get(key);
    if (cause) cause.names.push(name);
    else causes.set(key, { names: [name], error, words });
  }
  return [...causes.values()].flatMap(({ names, error, words }) => {
    const head = `${names.join(', ')}: ${error === null ? words : failureText(error, style)}`;
    const hint = error === null ? '' : hintText(error, style);
    return hint === '' ? [head] : [head, `  ${hint}`];
  });
}

/** An open one stands here only because it is to be healthy, too. What waits and knows of no failure still knows for whom. */
function stateWords(state: TunnelStateName, on: readonly string[]): string {
  if (state === 'open') return 'open, not yet healthy';
  if (on.length === 0) return state;
  return state === 'waiting' ? waitingText(on) : `${state}, ${waitingText(on)}`;
}
