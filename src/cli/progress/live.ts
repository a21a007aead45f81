/** The live view while it comes up; plain lines before and after. Nothing else may write to the terminal meanwhile. */
import type { NodeId } from '../../core/graph.ts';
import type { Output } from '../io.ts';
import type { StateEvent } from '../render/state-text.ts';
import type { Style } from '../render/style.ts';
import type { Progress } from './progress.ts';
import { summarised } from './live-summary.ts';
import { remember, Standing, type Subjects } from './standing.ts';
import { startScreen, type Screen } from './live-screen.ts';

export interface LiveOptions {
  /** Writes the plain lines. */
  readonly log: Progress;
  readonly output: Output;
  readonly style: Style;
  readonly start?: typeof startScreen;
  /** Of the terminal; asked whenever the frame is begun anew. */
  readonly rows?: () => number;
}

const ICON = { up: '✔', failed: '✖', pending: '…' } as const;
const ICON_COLOUR = { up: 'green', failed: 'red', pending: 'yellow' } as const;

export function liveProgress({ log, output, style, start = startScreen, rows = terminalRows }: LiveOptions): Progress {
  const last = new Map<NodeId, StateEvent>();
  let subjects: Subjects | null = null;
  let screen: Screen | null = null;
  let phase: 'before' | 'rising' | 'after' = 'before';
  let holds = 0;
  /** One after another: the terminal has one cursor. */
  let queue: Promise<void> = Promise.resolve();

  const draw = (): void => {
    if (phase !== 'rising' || holds > 0 || !subjects || screen) return;
    screen = start(summarised(subjects, { rows: rows(), columns: output.columns || 80 }), output, style);
  };
  const clear = async (): Promise<void> => {
    const running = screen;
    screen = null;
    await running?.stop();
  };
  const enqueue = (work: () => void | Promise<void>): Promise<void> => {
    queue = queue.then(work, work);
    return queue;
  };
  let lines: (() => void)[] = [];
  /** Above the frame: it is cleared, all lines there are by then are written, and it is drawn anew. */
  const above = (work: () => void): void => {
    if (phase !== 'rising') return work();
    lines.push(work);
    if (lines.length > 1) return;
    void enqueue(async () => {
      await clear();
      const now = lines;
      lines = [];
      for (const write of now) write();
      draw();
    });
  };

  return {
    event(event) {
      const isState = remember(event, last);
      if (phase === 'after') log.event(event);
      else if (isState) screen?.refresh();
      else if (!isSilent(event.type)) above(() => log.event(event));
    },
    begin(graph) {
      log.begin(graph);
      if (phase === 'after') return;
      phase = 'rising';
      // A reload while it comes up: the frame has other lines now.
      void enqueue(async () => {
        await clear();
        subjects = new Standing(graph, last, style);
        draw();
      });
    },
    async settled(snapshot, next) {
      await enqueue(async () => {
        await clear();
        phase = 'after';
        for (const id of subjects?.order ?? []) output.write(finalLine(id, subjects, style));
      });
      await log.settled(snapshot, next);
    },
    say: (text, kind) => above(() => log.say(text, kind)),
    problems: (diagnostics, frameOf) => above(() => log.problems(diagnostics, frameOf)),
    async suspend() {
      holds += 1;
      await enqueue(clear);
      let held = true;
      return () => {
        if (held) holds -= 1;
        held = false;
        void enqueue(draw);
      };
    },
  };
}

/** A terminal that does not tell has 0. */
const terminalRows = (): number => process.stderr.rows || 24;

/** Their lines would only make the frame flicker; with -v the view is not live at all. */
const isSilent = (type: string): boolean => ['debug', 'host-key', 'connection-opened', 'connection-closed'].includes(type);

function finalLine(id: NodeId, subjects: Subjects | null, style: Style): string {
  if (!subjects) return '';
  const outcome = subjects.outcome(id);
  return `${style(ICON_COLOUR[outcome], ICON[outcome])} ${subjects.title(id).replaceAll('\n', '\n  ')}\n`;
}
