/** The screen of `top` as lines, fitted to any width and height. Values only. */
import { counted, formatBytes, formatClock } from '../render/quantity.ts';
import { stateColour } from '../render/state-colour.ts';
import type { Style } from '../render/style.ts';
import { egressText, ingressText } from '../render/summary.ts';
import { fit, padEnd, visibleWidth } from '../render/table.ts';
import { ordered, type Order, type SortKey } from './order.ts';
import { plot } from './plot.ts';
import { KEPT, type Sample, type Samples } from './samples.ts';

export interface TopView {
  readonly samples: Samples;
  readonly order: Order;
  /** Rows that are scrolled past; more than there are is the end. */
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

interface Column {
  readonly head: string;
  readonly sort?: SortKey;
  /** Without the gap before it; `min` to `max` where there is room. */
  readonly min: number;
  readonly max: number;
  readonly right?: true;
  readonly cell: (sample: Sample, width: number) => string;
  readonly colour?: (sample: Sample) => Parameters<Style>[0];
}

const GAP = 2;
const NONE = '-';

const rateText = (rate: number | null): string => (rate === null ? NONE : `${formatBytes(Math.round(rate))}/s`);
const rttText = (ms: number | null): string => (ms === null ? NONE : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`);
// biome-ignore lint/suspicious/noControlCharactersInRegex: what others said must not drive the terminal
const clean = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');

/** In the order they are shown. */
function allColumns(samples: readonly Sample[]): readonly Column[] {
  const longest = (textOf: (sample: Sample) => string): number => Math.max(0, ...samples.map((each) => visibleWidth(textOf(each))));
  const name = longest(({ view }) => view.name);
  const way = ({ view }: Sample): string => `${ingressText(view)} → ${egressText(view)}`;
  return [
    {
      head: 'NAME',
      sort: 'name',
      min: Math.max(8, Math.min(24, name)),
      max: Math.max(8, name),
      cell: ({ view }) => view.name,
    },
    { head: 'STATE', sort: 'state', min: 12, max: 12, cell: ({ view }) => view.state, colour: ({ view }) => stateColour(view.state) },
    { head: 'CONNS', sort: 'connections', min: 6, max: 6, right: true, cell: ({ view }) => String(view.connections) },
    { head: 'DOWN', min: 12, max: 12, right: true, cell: ({ rxRate }) => rateText(rxRate) },
    { head: 'UP', min: 12, max: 12, right: true, cell: ({ txRate }) => rateText(txRate) },
    { head: 'RTT', sort: 'rtt', min: 7, max: 7, right: true, cell: ({ view }) => rttText(view.rtt_ms) },
    { head: 'HISTORY', sort: 'rate', min: 10, max: KEPT, cell: ({ history }, width) => plot(history, width), colour: () => 'cyan' },
    { head: 'WAY', min: Math.min(24, longest(way)), max: longest(way), cell: way, colour: () => 'dim' },
  ];
}

/** Which go first where there is no room, least important first. */
const SPARE = ['WAY', 'RTT', 'UP', 'HISTORY', 'DOWN', 'CONNS', 'STATE'];

interface Sized {
  readonly column: Column;
  readonly width: number;
}

/** Columns that fit, at their least width; then room is given to the name, the way and the plot, in that order. */
function sized(columns: readonly Column[], room: number): readonly Sized[] {
  const kept = [...columns];
  const least = (): number => kept.reduce((sum, { min }) => sum + min + GAP, -GAP);
  for (const head of SPARE) {
    if (least() <= room) break;
    kept.splice(
      kept.findIndex((column) => column.head === head),
      1,
    );
  }
  const widths = new Map(kept.map((column) => [column, column.min]));
  let left = room - least();
  for (const head of ['NAME', 'WAY', 'HISTORY']) {
    const column = kept.find((each) => each.head === head);
    if (!column) continue;
    const more = Math.max(left < 0 ? left : 0, Math.min(left, Math.max(0, column.max - column.min)));
    widths.set(column, Math.max(1, column.min + more));
    left -= more;
  }
  return kept.map((column) => ({ column, width: widths.get(column) ?? column.min }));
}

/** At most `rows` lines, none wider than `columns`. */
export function topLines(view: TopView, { columns, rows }: Size, style: Style): readonly string[] {
  const { samples, order } = view;
  const layout = sized(allColumns(samples.tunnels), columns);
  const problems = rows >= 10 ? problemLines(samples.tunnels, columns, Math.floor(rows / 4)) : [];
  const body = Math.max(1, rows - 3 - problems.length);
  const all = ordered(samples.tunnels, order);
  const offset = scrolled(view.offset, all.length, body);
  const shown = all.slice(offset, offset + body);
  const lines = [
    title(view, columns, style),
    style('bold', rowOf(layout, ({ column, width }) => align(column, fit(headOf(column, order), width), width)).trimEnd()),
    ...shown.map((sample) => rowOf(layout, (each) => cellOf(sample, each, style)).trimEnd()),
    ...problems.map((line) => style('red', line)),
  ];
  const blank = Math.max(0, rows - 1 - lines.length);
  const hidden = all.length - shown.length;
  const keys = keysLine(hidden > 0 ? `${offset + 1}-${offset + shown.length} of ${all.length} · ↑ ↓ scroll · ` : '', columns);
  return [...lines, ...Array<string>(blank).fill(''), style('dim', keys)].slice(0, Math.max(1, rows));
}

const SORTS = [
  'n name · s state · c connections · r rate · t round trip · f as in the file',
  'n name · s state · c conns · r rate · t rtt · f file',
];

/** The way out stands first: it is never what is cut off. */
function keysLine(scroll: string, columns: number): string {
  const lines = SORTS.map((sorts) => `q quit · ${scroll}sort: ${sorts}`);
  return fit(lines.find((line) => visibleWidth(line) <= columns) ?? lines.at(-1) ?? '', columns);
}

/** The offset that leaves no blank rows at the end. */
export const scrolled = (offset: number, all: number, room: number): number => Math.max(0, Math.min(offset, all - room));

const rowOf = (layout: readonly Sized[], text: (sized: Sized) => string): string => layout.map(text).join(' '.repeat(GAP));

const align = (column: Column, text: string, width: number): string =>
  column.right ? ' '.repeat(Math.max(0, width - visibleWidth(text))) + text : padEnd(text, width);

function headOf({ head, sort }: Column, { by, reversed }: Order): string {
  return sort === by ? `${head}${reversed ? '▲' : '▼'}` : head;
}

function cellOf(sample: Sample, { column, width }: Sized, style: Style): string {
  const text = fit(clean(column.cell(sample, width)), width);
  const padded = align(column, text, width);
  return column.colour ? style(column.colour(sample), padded) : padded;
}

function title({ samples, now }: TopView, columns: number, style: Style): string {
  const { tunnels } = samples;
  const sum = (of: (sample: Sample) => number): number => tunnels.reduce((total, each) => total + of(each), 0);
  const open = tunnels.filter(({ view }) => view.state === 'open' || view.state === 'idle').length;
  const parts = [
    clean(samples.project),
    `${open} of ${counted(tunnels.length, 'tunnel')} open`,
    counted(
      sum(({ view }) => view.connections),
      'connection',
    ),
    `↓ ${rateText(sum(({ rxRate }) => rxRate ?? 0))} ↑ ${rateText(sum(({ txRate }) => txRate ?? 0))}`,
  ];
  const clock = formatClock(now);
  const left = fit(parts.join(' · '), columns);
  const space = columns - visibleWidth(left) - clock.length;
  return style('bold', left) + (space >= GAP ? ' '.repeat(space) + clock : '');
}

/** Why tunnels are not open: each cause once, cut to the width, no more than `most` lines. */
function problemLines(samples: readonly Sample[], columns: number, most: number): readonly string[] {
  const causes = new Map<string, string>();
  for (const { view } of samples) {
    if (view.error === null || causes.has(view.error.message)) continue;
    const hint = view.error.hint === null ? '' : ` (${view.error.hint})`;
    causes.set(view.error.message, fit(clean(`${view.name}: ${view.error.message}${hint}`), columns));
  }
  return [...causes.values()].slice(0, most);
}
