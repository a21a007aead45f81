/**
 * The channels of one connection that were closed here and not yet by the server. Until it has, the last bytes sent on them may still
 * wait in it for their socket (RFC 4254 §5.3: CLOSE is answered once all is done), and a disconnect would lose them: sshd ends at once.
 */
export class ClosingChannels {
  private count = 0;
  private waiting: (() => void)[] = [];

  add(): void {
    this.count += 1;
  }

  remove(): void {
    this.count -= 1;
    if (this.count > 0) return;
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Resolves once there is none. */
  none(): Promise<void> {
    return this.count === 0 ? Promise.resolve() : new Promise((resolve) => this.waiting.push(resolve));
  }
}
