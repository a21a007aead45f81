/** `logs`: what has happened, a line each, with the name it happened to before it. */
import type { TunnelsEvent } from '../../core/event.ts';
import { isStepOf } from '../../core/plan.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { subjectLabel } from '../render/event-line.ts';
import { formatClock } from '../render/quantity.ts';
import { styleFor, subjectColour, type Style } from '../render/style.ts';
import { fit, padEnd, visibleWidth } from '../render/table.ts';
import { toldEvent } from '../render/told-event.ts';
import { past, type PastOptions } from './past.ts';

/** A longer name is cut: one of them must not push all the others' lines to the right. */
const MAX_WIDTH = 32;

export function logs(io: Io, globals: GlobalOptions, options: PastOptions): Promise<number> {
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stdout });
  // Connections are worth a line here also without -v; what ssh says at -v is another stream. Of a chain that fell together one line
  // tells, unless it is asked how one of them fared.
  const level = Math.max(options.names.length > 0 ? 2 : 1, globals.verbosity);
  const lines = (snapshot: Snapshot, names: readonly string[]) => {
    const width = widthOf(snapshot, names);
    return (told: TunnelsEvent): readonly string[] => {
      const event = names.length === 0 ? told : partAbout(told, names);
      if (event === null) return [];
      const text = toldEvent(event, style);
      return text.level > level ? [] : text.lines.map((line, index) => prefixed({ event, width, style }, line, index === 0));
    };
  };
  return past(io, globals, { ...options, from: globals.verbosity === 0 ? 'logs' : 'events', lines });
}

/** Of what was applied, only what changed for them; null where nothing did. */
function partAbout(event: TunnelsEvent, names: readonly string[]): TunnelsEvent | null {
  if (event.type !== 'applied') return event;
  const lines = event.plan.split('\n').filter((line) => names.some((name) => isStepOf(line, name)));
  return lines.length === 0 ? null : { ...event, plan: lines.join('\n'), changes: lines.length };
}

function widthOf({ project, tunnels, hosts }: Snapshot, names: readonly string[]): number {
  const isShown = (name: string): boolean => names.length === 0 || names.includes(name);
  const labels = [
    subjectLabel({ kind: 'project', name: project }),
    ...tunnels.filter(({ name }) => isShown(name)).map(({ name }) => name),
    ...hosts.filter(({ name }) => isShown(name)).map(({ name }) => subjectLabel({ kind: 'host', name })),
  ];
  return labels.reduce((most, label) => Math.max(most, Math.min(MAX_WIDTH, visibleWidth(label))), 0);
}

interface Place {
  readonly event: TunnelsEvent;
  readonly width: number;
  readonly style: Style;
}

/** `git-inner     | 14:03:07 open 127.0.0.1:2999`; what explains a line stands under its text. */
function prefixed({ event, width, style }: Place, line: string, isFirst: boolean): string {
  const label = subjectLabel(event.subject);
  const clock = clockOf(event.at, Date.now());
  const name = style(subjectColour(label), `${padEnd(fit(label, width), width)} |`);
  return `${name} ${isFirst ? style('dim', clock) : ' '.repeat(clock.length)} ${line}`.trimEnd();
}

/** The day only where it is another one. */
function clockOf(at: number, now: number): string {
  const day = (time: number): string => {
    const date = new Date(time);
    return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
  };
  return day(at) === day(now) ? formatClock(at) : `${day(at)} ${formatClock(at)}`;
}
