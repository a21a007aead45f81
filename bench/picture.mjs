/** The ratios of a result as an SVG for the README, legible on a light and on a dark page; pure. */

/**
 * @typedef {{ readonly id: string, readonly group: string, readonly title: string, readonly unit: string, readonly better: string, readonly goal?: unknown, readonly ratio: number | null, readonly medians: { readonly tunnels?: number, readonly ssh?: number } }} PictureRow
 * @typedef {{ readonly at: string, readonly surroundings: { readonly commit: string, readonly versions: { readonly node: string, readonly ssh: string } }, readonly rows: readonly PictureRow[] }} PictureResult
 */

const GROUPS = {
  throughput: 'throughput',
  connections: 'connections',
  idle: 'round trip, idle',
  greeting: 'a server that speaks first',
  beside: 'round trip beside a bulk transfer',
  distance: 'throughput to far servers',
  memory: 'memory',
  'cold-start': 'cold start',
};

// A page tells a picture what the system prefers, not how it is itself: every colour has to do on white and on black.
const WIDTH = 860;
const LINE = 20;
const LABEL = 300;
const BAR_FROM = LABEL + 10;
const BAR_TO = WIDTH - 200;
/** Bars end here; what is further says so by its number. */
const LIMIT = 16;

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** How many times better than ssh, whichever way is better. */
export const advantage = ({ ratio, better }) => (better === 'higher' ? ratio : 1 / ratio);

/** Where that lies: logarithmic, so that twice and half are as far from 1. */
export function place(times) {
  const share = Math.log2(Math.min(LIMIT, Math.max(1 / LIMIT, times))) / Math.log2(LIMIT);
  return (BAR_FROM + BAR_TO) / 2 + (share * (BAR_TO - BAR_FROM)) / 2;
}

function short(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3);
}

const text = (x, y, content, more = '') => `<text x="${x}" y="${y}"${more}>${escaped(content)}</text>`;

function rowLines(row, y) {
  const [from, to] = [place(1), place(advantage(row))];
  const good = advantage(row) >= 1;
  const numbers = `${short(row.medians.tunnels)} : ${short(row.medians.ssh)} ${row.unit}`;
  return [
    text(LABEL, y, row.title.replace('64 bytes beside a bulk ', '').replace('64 bytes, ', ''), ' text-anchor="end"'),
    `<rect class="${good ? 'good' : 'bad'}" x="${Math.min(from, to).toFixed(1)}" y="${y - 11}" width="${Math.max(1, Math.abs(to - from)).toFixed(1)}" height="13" rx="2"/>`,
    text(BAR_TO + 10, y, `${row.ratio.toFixed(2)}×`, ' class="strong"'),
    text(BAR_TO + 62, y, numbers),
  ];
}

/**
 * The rows that have a goal and a counterpart; the others are in the table.
 * @param {PictureResult} result
 * @returns {string}
 */
export function draw({ at, surroundings, rows }) {
  const shown = rows.filter((row) => row.goal !== undefined && row.ratio !== null && row.ratio > 0);
  const lines = [];
  let y = 84;
  let group = '';
  for (const row of shown) {
    if (row.group !== group) {
      group = row.group;
      y += 10;
      lines.push(text(LABEL, y, GROUPS[group] ?? group, ' text-anchor="end" class="strong"'));
      y += LINE;
    }
    lines.push(...rowLines(row, y));
    y += LINE;
  }
  const axis = [1 / 16, 1 / 4, 1, 4, 16].flatMap((times) => [
    `<line x1="${place(times)}" y1="68" x2="${place(times)}" y2="${y - 8}"${times === 1 ? ' class="one"' : ''}/>`,
    text(place(times), 62, times === 1 ? 'ssh' : times < 1 ? `1/${1 / times}` : `${times}×`, ' text-anchor="middle"'),
  ]);
  const about = `${at.slice(0, 10)}, commit ${surroundings.commit.slice(0, 10)}, node ${surroundings.versions.node}, ${surroundings.versions.ssh}`;
  const height = y + 24;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="t d">
<title id="t">tunnels next to the system's ssh</title>
<desc id="d">${escaped(shown.map((row) => `${GROUPS[row.group] ?? row.group}, ${row.title}: ${row.ratio.toFixed(2)} times ssh, ${row.better} is better`).join('; '))}</desc>
<style>
text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #6e7781; }
.head { font-size: 15px; font-weight: 600; }
.strong { font-weight: 600; }
line { stroke: #6e7781; stroke-opacity: .4; }
.one { stroke-opacity: 1; }
.good { fill: #2b9a4a; }
.bad { fill: #d4722c; }
</style>
${[
  text(16, 24, "tunnels next to the system's ssh", ' class="head"'),
  text(16, 40, 'to the right: better than ssh · logarithmic · number: tunnels/ssh, then tunnels : ssh'),
  ...axis,
  ...lines,
  text(16, height - 8, about),
].join('\n')}
</svg>
`;
}
