/** A limit that stops counting while a human is being asked. */
export class Deadline {
  private readonly onExpired: () => void;
  private timer: NodeJS.Timeout | undefined;
  private remainingMs = 0;
  private startedAt = 0;
  private pauses = 0;
  private running = false;

  constructor(onExpired: () => void) {
    this.onExpired = onExpired;
  }

  /** Begins anew with `ms` to go; while paused it begins when the last pause ends. */
  start(ms: number): void {
    this.stop();
    this.running = true;
    this.remainingMs = ms;
    if (this.pauses === 0) this.arm();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.running = false;
  }

  /** Runs `work` (a question) with the clock stopped. */
  async without<T>(work: () => Promise<T>): Promise<T> {
    this.pause();
    try {
      return await work();
    } finally {
      this.resume();
    }
  }

  private pause(): void {
    this.pauses += 1;
    if (this.pauses > 1 || !this.running) return;
    clearTimeout(this.timer);
    this.remainingMs -= performance.now() - this.startedAt;
  }

  private resume(): void {
    this.pauses -= 1;
    if (this.pauses === 0 && this.running) this.arm();
  }

  private arm(): void {
    this.startedAt = performance.now();
    this.timer = setTimeout(
      () => {
        this.running = false;
        this.onExpired();
      },
      Math.max(0, this.remainingMs),
    );
  }
}
