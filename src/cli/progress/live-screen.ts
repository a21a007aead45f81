/** One listr2 run: a line a subject, redrawn until all are done or it is stopped. It leaves nothing on the screen behind. */
import { DefaultRenderer, Listr, ListrDefaultRendererLogLevels, ListrLogger, ProcessOutput, type ListrTask } from 'listr2';
import type { Output } from '../io.ts';
import type { Style } from '../render/style.ts';
import type { Subjects } from './standing.ts';

/** Between two frames, in milliseconds. */
const FRAME_MS = 100;

/** listr2 asks whether stdout is a terminal; it is stderr that is drawn on, and that was asked before. */
class AnyTerminalRenderer extends DefaultRenderer {
  static override nonTTY = true;
  #due: NodeJS.Timeout | null = null;

  /** listr2 draws the whole frame at every change of every line: so often, that the program does nothing else. */
  override update(): void {
    this.#due ??= setTimeout(() => {
      this.#due = null;
      super.update();
    }, FRAME_MS);
  }

  override end(): void {
    if (this.#due) {
      clearTimeout(this.#due);
      super.update();
    }
    super.end();
  }
}

export interface Screen {
  /** Takes over what changed, with the next frame. */
  refresh(): void;
  /** Clears the frame; resolves when the terminal is free. */
  stop(): Promise<void>;
}

export function startScreen(subjects: Subjects, output: Output, style: Style): Screen {
  const open = new Map<string, { retitle(): void; finish(): void }>();
  let stopped = false;
  let due: NodeJS.Timeout | null = null;

  const tasks: ListrTask[] = subjects.order.map((id) => ({
    title: subjects.title(id),
    task: (_, task) =>
      new Promise<void>((resolve, reject) => {
        let shown = '';
        const retitle = (): void => {
          const title = subjects.title(id);
          if (title !== shown) task.title = shown = title;
        };
        const finish = (): void => {
          retitle();
          if (subjects.outcome(id) === 'failed') reject(new Error(id));
          else resolve();
        };
        if (stopped || subjects.outcome(id) !== 'pending') finish();
        else open.set(id, { retitle, finish });
      }),
  }));
  const listr = new Listr(tasks, {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    renderer: AnyTerminalRenderer,
    rendererOptions: {
      clearOutput: true,
      collapseErrors: false,
      showErrorMessage: false,
      logger: new ListrLogger({ useIcons: true, processOutput: new ProcessOutput(asStream(output), asStream(output)) }),
      color: {
        [ListrDefaultRendererLogLevels.PENDING]: (text) => style('yellow', text ?? ''),
        [ListrDefaultRendererLogLevels.COMPLETED]: (text) => style('green', text ?? ''),
        [ListrDefaultRendererLogLevels.FAILED]: (text) => style('red', text ?? ''),
      },
    },
  });
  const run = listr.run().then(
    () => undefined,
    () => undefined,
  );
  const takeOver = (): void => {
    due = null;
    for (const [id, task] of open) {
      if (subjects.outcome(id) === 'pending') task.retitle();
      else {
        open.delete(id);
        task.finish();
      }
    }
  };
  return {
    refresh() {
      if (!stopped) due ??= setTimeout(takeOver, FRAME_MS);
    },
    async stop() {
      stopped = true;
      if (due) clearTimeout(due);
      due = null;
      for (const task of open.values()) task.finish();
      open.clear();
      await run;
    },
  };
}

/** A stand-in for stderr, because listr2 replaces the `write` of what it is given. */
function asStream(output: Output): NodeJS.WriteStream {
  return {
    isTTY: true,
    get columns() {
      return output.columns || 80;
    },
    rows: process.stderr.rows ?? 24,
    write: (text: string | Uint8Array) => {
      output.write(typeof text === 'string' ? text : Buffer.from(text).toString('utf8'));
      return true;
    },
  } as unknown as NodeJS.WriteStream;
}
