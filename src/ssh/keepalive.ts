/**
 * Our own keepalive in place of ssh2's, which cannot be changed on a live connection and takes no account of data.
 * Like ServerAliveInterval (ssh_config(5)): anything heard from the server counts. A link that dies is noticed within
 * `interval × (count + 1)`: at the worst it dies just after a tick that heard something.
 */

export interface KeepaliveSettings {
  readonly intervalMs: number;
  readonly count: number;
}

interface KeepaliveHooks {
  readonly ping: () => void;
  readonly onDead: (silentMs: number) => void;
}

export class KeepaliveTimer {
  private readonly hooks: KeepaliveHooks;
  private settings: KeepaliveSettings = { intervalMs: 0, count: 0 };
  private timer: NodeJS.Timeout | undefined;
  private heardSinceTick = true;
  private missed = 0;
  private lastTickAt = 0;

  constructor(hooks: KeepaliveHooks) {
    this.hooks = hooks;
  }

  /** An interval of 0 turns it off. */
  set(settings: KeepaliveSettings): void {
    this.stop();
    this.settings = settings;
    this.missed = 0;
    this.lastTickAt = performance.now();
    if (settings.intervalMs > 0) this.timer = setInterval(() => this.tick(), settings.intervalMs);
  }

  /** Bytes came from the server. */
  heard(): void {
    this.heardSinceTick = true;
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /**
   * What goes over the connection has fallen silent. Where this is silent too, and would be given up at the next tick or the one after, it
   * is the cause, and is given up now: true.
   */
  doubt(): boolean {
    if (this.timer === undefined || this.missed < Math.max(1, this.settings.count - 1) || this.heardSinceTick) return false;
    this.giveUp();
    return true;
  }

  private giveUp(): void {
    this.stop();
    this.hooks.onDead(this.missed * this.settings.intervalMs);
  }

  private tick(): void {
    const { intervalMs, count } = this.settings;
    const now = performance.now();
    // This process was asleep: what the server sent meanwhile has not been read yet, so silence proves nothing.
    const slept = now - this.lastTickAt > 2 * intervalMs + 1_000;
    this.lastTickAt = now;
    this.missed = this.heardSinceTick || slept ? 0 : this.missed + 1;
    this.heardSinceTick = false;
    if (this.missed >= Math.max(1, count)) {
      this.giveUp();
      return;
    }
    this.hooks.ping();
  }
}
