/** Any event as lines of text, also those `up` tells in its own way because it knows the files. */
import { formatDiagnostic } from '../../core/diagnostic.ts';
import type { TunnelsEvent } from '../../core/event.ts';
import { eventText, type EventText } from './event-line.ts';
import { colourPlan } from './plan-text.ts';
import { counted } from './quantity.ts';
import type { Style } from './style.ts';

export function toldEvent(event: TunnelsEvent, style: Style): EventText {
  switch (event.type) {
    case 'applied': {
      const head = event.changes === 0 ? 'applied: no changes' : `applied: ${counted(event.changes, 'change')}`;
      return { lines: [style('bold', head), ...(event.changes === 0 ? [] : colourPlan(event.plan, style))], level: 0 };
    }
    case 'rejected': {
      const problems = event.diagnostics.map((each) => style('red', formatDiagnostic(each)));
      return { lines: [style('red', 'the configuration is not valid: nothing was changed'), ...problems], level: -1 };
    }
    case 'stopping':
      return {
        lines: [event.openConnections === 0 ? 'closing' : `draining ${counted(event.openConnections, 'open connection')}`],
        level: 0,
      };
    default:
      return eventText(event, style) ?? { lines: [event.type], level: 0 };
  }
}
