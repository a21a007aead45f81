/** Which tunnels are not as they should be, and why: those with one cause stand on one line. */
import type { ErrorView } from '../../core/snapshot.ts';
import type { TunnelStateName } from '../../core/tunnel-state.ts';
import { failureText, hintText } from './failure.ts';
import type { Style } from './style.ts';

interface Missing {
  readonly name: string;
  readonly state: TunnelStateName;
  readonly error: ErrorView | null;
}

/** `git, web: connection refused by bastion:22 [refused]` and `  → is sshd running there?`. */
export function missingLines(missing: readonly Missing[], style: Style): string[] {
  const causes = new Map<string, { readonly names: string[]; readonly error: ErrorView | null; readonly state: TunnelStateName }>();
  for (const { name, state, error } of missing) {
    const key = error === null ? `state ${state}` : `${error.code} ${error.message}`;
    const cause = causes.get(key);
    if (cause) cause.names.push(name);
    else causes.set(key, { names: [name], error, state });
  }
  return [...causes.values()].flatMap(({ names, error, state }) => {
    const head = `${names.join(', ')}: ${error === null ? state : failureText(error, style)}`;
    const hint = error === null ? '' : hintText(error, style);
    return hint === '' ? [head] : [head, `  ${hint}`];
  });
}
