/** What `run` is asked for. */
export interface RunOptions {
  /** None is every tunnel. */
  readonly names: readonly string[];
  readonly noDeps: boolean;
  /** The command and its arguments. */
  readonly argv: readonly string[];
  /** Milliseconds the tunnels may take to open. */
  readonly waitMs: number;
  /** Milliseconds that connections still open after the command may take; null is each tunnel's own. */
  readonly drainMs: number | null;
}
