/** One measure of the bench: what `--only` names. */
import type { Row } from './row.ts';
import type { Ground } from './scene.ts';
import type { Side } from './side.ts';

export interface Conditions {
  readonly ground: Ground;
  readonly tunnels: Side;
  readonly ssh: Side;
  /** Where it is installed. */
  readonly autossh: Side | null;
  readonly runs: number;
  /** Everything short and small: to see that it works, not how fast. */
  readonly quick: boolean;
  /** The program that was built. */
  readonly program: string;
  /** Rows as soon as they are there. */
  report(rows: readonly Row[]): void;
}

export interface Measure {
  readonly name: string;
  readonly about: string;
  run(conditions: Conditions): Promise<void>;
}
