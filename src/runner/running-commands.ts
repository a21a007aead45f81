/** Remembers the commands that run, so that none outlives the project. */
import type { RunCommand } from '../engine/command.ts';

export class RunningCommands {
  readonly #running = new Set<Promise<unknown>>();
  readonly run: RunCommand;

  constructor(run: RunCommand) {
    this.run = (request) => {
      const end = run(request).finally(() => this.#running.delete(end));
      this.#running.add(end);
      return end;
    };
  }

  /** When those that run now have ended: their signals are for others to give. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }
}
