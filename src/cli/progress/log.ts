/** Plain lines: no cursor is moved, so it is right for pipes, CI and the time after everything is up. Also --progress quiet. */
import type { Diagnostic } from '../../core/diagnostic.ts';
import type { TunnelsEvent } from '../../core/event.ts';
import type { Graph } from '../../core/graph.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import { renderProblems, type FrameOf } from '../render/diagnostics.ts';
import { eventText, isRoutine, stamped, subjectLabel, type EventText } from '../render/event-line.ts';
import { colourPlan } from '../render/plan-text.ts';
import { counted } from '../render/quantity.ts';
import type { Style } from '../render/style.ts';
import { openCount, summaryTable, type SummaryOptions } from '../render/summary.ts';
import { visibleWidth } from '../render/table.ts';
import type { Progress } from './progress.ts';

export interface LogOptions {
  readonly write: (text: string) => void;
  readonly style: Style;
  /** Events above it are not shown: -1 is errors only. */
  readonly level: -1 | 0 | 1 | 2 | 3;
  /** Columns of the terminal; null where there is none. */
  readonly width: () => number | null;
  /** For the problems of a reload, whose texts the event does not carry. */
  readonly frameOf: FrameOf;
}

const LABEL_LIMIT = 24;

export function logProgress({ write, style, level, width, frameOf }: LogOptions): Progress {
  let labelWidth = 12;
  let isReload = false;
  /** What happens before begin() waits for it: only then is it known how wide the names are. */
  let early: TunnelsEvent[] | null = [];

  const lines = (each: readonly string[]): void => {
    if (each.length > 0) write(`${each.join('\n')}\n`);
  };
  const show = (event: TunnelsEvent, text: EventText): void => {
    if (text.level <= level) lines(stamped(text, { at: event.at, subject: event.subject, width: labelWidth, style }));
  };
  const problems = (diagnostics: readonly Diagnostic[], frames: FrameOf): void =>
    lines(renderProblems({ diagnostics, frameOf: frames, style }));

  const flush = (): void => {
    const waiting = early ?? [];
    early = null;
    for (const event of waiting) tell(event);
  };
  const tell = (event: TunnelsEvent): void => {
    if (event.type === 'applied') {
      if (!isReload) return;
      const changes = event.changes === 0 ? 'no changes' : counted(event.changes, 'change');
      show(event, {
        lines: [style('bold', `reloaded: ${changes}`), ...(event.changes === 0 ? [] : colourPlan(event.plan, style))],
        level: 0,
      });
    } else if (event.type === 'rejected') {
      if (!isReload) return;
      problems(event.diagnostics, frameOf);
      show(event, { lines: [style('red', 'the configuration is not valid: nothing was changed')], level: -1 });
    } else {
      const text = eventText(event, style);
      if (text) show(event, text);
    }
  };

  return {
    event(event) {
      if (level < 1 && isRoutine(event)) return;
      if (early) early.push(event);
      else tell(event);
    },
    begin(graph) {
      labelWidth = labelWidthOf(graph);
      flush();
      isReload = true;
    },
    async settled(snapshot, next = 'Ctrl-C closes') {
      if (snapshot === null || level < 0) return;
      lines(summaryText(snapshot, { style, width: width(), next }));
    },
    say(text, kind) {
      flush();
      if (kind === 'error') write(`${style('red', text)}\n`);
      else if (level >= 0) write(`${text}\n`);
    },
    problems(diagnostics, frames) {
      flush();
      problems(diagnostics, frames);
    },
    async suspend() {
      flush();
      return () => undefined;
    },
  };
}

function summaryText(snapshot: Snapshot, options: SummaryOptions & { readonly next: string }): string[] {
  const count = openCount(snapshot);
  return ['', ...summaryTable(snapshot, options), '', ...(count.open === count.all ? [`${count.text}; ${options.next}`] : [])];
}

function labelWidthOf(graph: Graph): number {
  const labels = [
    ...[...graph.sessions.keys()].map((name) => subjectLabel({ kind: 'host', name })),
    ...[...graph.tunnels.keys()].map((name) => subjectLabel({ kind: 'tunnel', name })),
  ];
  return Math.min(LABEL_LIMIT, Math.max(8, ...labels.map(visibleWidth)));
}
