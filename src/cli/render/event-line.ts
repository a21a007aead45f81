/** One event as lines of text. */
import type { Subject, TunnelsEvent } from '../../core/event.ts';
import { unreachable } from '../../core/result.ts';
import { failureText, hintText } from './failure.ts';
import { nodesText } from './fell-text.ts';
import { formatBytes, formatClock, formatDuration } from './quantity.ts';
import { stateText } from './state-text.ts';
import { subjectColour, type Style } from './style.ts';
import { padEnd } from './table.ts';

export interface EventText {
  /** The first is the event, the others explain it. */
  readonly lines: readonly string[];
  /** Shown from this many -v on. -1 is an error, which --progress quiet shows too. */
  readonly level: -1 | 0 | 1 | 2 | 3;
}

const REFUSED = {
  allow: 'refused: not in `allow`',
  'max-connections': 'refused: `max_connections` are open',
  'park-timeout': 'refused: the connection did not come back within `park`',
  draining: 'refused: the tunnel is closing',
} as const;

/** Two for each connection: whoever shows fewer lines need not have them made. */
export const isRoutine = ({ type }: TunnelsEvent): boolean => type === 'connection-opened' || type === 'connection-closed';

/** Null for what is told in another way: `applied` and `rejected` are for the one who knows the files. */
export function eventText(event: TunnelsEvent, style: Style): EventText | null {
  switch (event.type) {
    case 'host-state':
    case 'tunnel-state': {
      const failed = event.to === 'failed';
      const leaving = event.to === 'closing' || event.to === 'closed';
      const hint = event.failure === null ? '' : hintText(event.failure, style);
      // What fell with another is told with that one's fall, and again when all are back.
      const level = failed ? -1 : event.cause !== undefined ? 2 : leaving ? 1 : 0;
      return { lines: [stateText(event, style), hint].filter(Boolean), level };
    }
    case 'health': {
      const why = event.failure === null ? '' : `: ${failureText(event.failure, style)}`;
      const hint = event.failure === null ? '' : hintText(event.failure, style);
      const colour = event.verdict === 'healthy' ? 'green' : 'red';
      return { lines: [style(colour, `${event.verdict}${why}`), hint].filter(Boolean), level: 0 };
    }
    case 'connection-opened':
      return { lines: [`${event.from} → ${event.target}`], level: 1 };
    case 'connection-closed': {
      const bytes = `${formatBytes(event.txBytes)} sent, ${formatBytes(event.rxBytes)} received`;
      return { lines: [`${event.from} → ${event.target} closed, ${bytes}`], level: 1 };
    }
    case 'connection-failed': {
      const head = style('yellow', `${event.from} → ${event.target}: ${failureText(event.failure, style)}`);
      return { lines: [head, hintText(event.failure, style)].filter(Boolean), level: 0 };
    }
    case 'connection-refused':
      return { lines: [style('yellow', `${event.from} ${REFUSED[event.why]}`)], level: 0 };
    case 'recovered':
      return {
        lines: [
          style('green', `${nodesText(event.back)} ${event.back.length === 1 ? 'is' : 'are'} back · ${formatDuration(event.tookMs)}`),
        ],
        level: 0,
      };
    case 'failover':
      return { lines: [style('yellow', `goes through ${event.to} now, no longer ${event.from}`)], level: 0 };
    case 'retargeted':
      return { lines: [`new connections now go to ${event.egress}`], level: 0 };
    case 'banner':
      return { lines: event.text.trimEnd().split('\n'), level: 0 };
    case 'host-key':
      return { lines: [`host key ${event.fingerprint} (${event.trusted})`], level: 1 };
    case 'warning':
      return {
        lines: [style('yellow', `warning: ${event.message}`), event.hint === null ? '' : style('dim', `→ ${event.hint}`)].filter(Boolean),
        level: 0,
      };
    case 'debug':
      return { lines: [style('dim', `debug${event.level}: ${event.message}`)], level: event.level };
    case 'stopped':
      return { lines: ['stopped'], level: 0 };
    case 'applied':
    case 'rejected':
    case 'stopping':
      return null;
    default:
      return unreachable(event);
  }
}

/** `14:03:07  git-inner    open 127.0.0.1:2999 · 0.31s`, and what explains it below. */
export function stamped(
  text: EventText,
  at: { readonly at: number; readonly subject: Subject; readonly width: number; readonly style: Style },
): string[] {
  const { style, subject } = at;
  const name = padEnd(subjectLabel(subject), at.width);
  const clock = formatClock(at.at);
  const indent = ' '.repeat(clock.length + at.width + 4);
  return text.lines.map((line, index) =>
    index === 0 ? `${style('dim', clock)}  ${style(subjectColour(name.trimEnd()), name)}  ${line}`.trimEnd() : `${indent}${line}`,
  );
}

/** Hosts and tunnels may have one name, so a host says that it is one. */
export const subjectLabel = (subject: Subject): string => (subject.kind === 'host' ? `host ${subject.name}` : subject.name);
