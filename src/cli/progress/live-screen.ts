/** One listr2 run: a line a subject, redrawn until all are done or it is stopped. It leaves nothing on the screen behind. */
import { DefaultRenderer, Listr, ListrDefaultRendererLogLevels, ListrLogger, ProcessOutput, type ListrTask } from 'listr2';
import type { Output } from '../io.ts';
import type { Style } from '../render/style.ts';
import type { Subjects } from './standing.ts';

/** listr2 asks whether stdout is a terminal; it is stderr that is drawn on, and that was asked before. */
class AnyTerminalRenderer extends DefaultRenderer {
  static override nonTTY = true;
}

export interface Screen {
  /** Takes over what changed. */
  refresh(): void;
  /** Clears the frame; resolves when the terminal is free. */
  stop(): Promise<void>;
}

export function startScreen(subjects: Subjects, output: Output, style: Style): Screen {
  const open = new Map<string, { retitle(): void; finish(): void }>();
  let stopped = false;

  const tasks: ListrTask[] = subjects.order.map((id) => ({
    title: subjects.title(id),
    task: (_, task) =>
      new Promise<void>((resolve, reject) => {
        const retitle = (): void => void (task.title = subjects.title(id));
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
  return {
    refresh() {
      for (const [id, task] of open) {
        if (subjects.outcome(id) === 'pending') task.retitle();
        else {
          open.delete(id);
          task.finish();
        }
      }
    },
    async stop() {
      stopped = true;
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
