/** `events`: all of them, as they were published. */
import type { TunnelsEvent } from '../../core/event.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { plain, styleFor, type Style } from '../render/style.ts';
import { toldEvent } from '../render/told-event.ts';
import { past, type PastOptions } from './past.ts';

export interface EventsOptions extends PastOptions {
  readonly json: boolean;
}

export function events(io: Io, globals: GlobalOptions, { json, ...options }: EventsOptions): Promise<number> {
  const style = json ? plain : styleFor({ ansi: globals.ansi, env: io.env, output: io.stdout });
  const lines =
    () =>
    (event: TunnelsEvent): readonly string[] =>
      json ? [JSON.stringify(event)] : [lineOf(event, style)];
  return past(io, globals, { ...options, from: 'events', lines });
}

/** `2026-01-31T08:00:00.000Z tunnel-state tunnel git: open 127.0.0.1:7999`: always one line. */
function lineOf(event: TunnelsEvent, style: Style): string {
  const { kind, name } = event.subject;
  const subject = `${kind}${name === '' ? '' : ` ${name}`}`;
  return `${style('dim', new Date(event.at).toISOString())} ${event.type} ${style('bold', subject)}: ${toldEvent(event, style).lines.join('; ')}`;
}
