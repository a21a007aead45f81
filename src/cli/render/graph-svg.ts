/** The graph as a picture: a column a machine, an arrow a leg, red and dashed where SSH does not protect it. */
import { visibleWidth } from './table.ts';
import type { GraphView, Leg, TunnelPath } from './graph-view.ts';

const CHARACTER = 7.3;
const ROW = 84;
const TOP = 70;

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0) ?? 0};`);

export function graphSvg(view: GraphView): string {
  const outside = 'outside';
  const names = [...view.machines.map(({ name }) => name), outside];
  const longest = Math.max(12, ...view.machines.flatMap(({ name, what }) => [visibleWidth(name), visibleWidth(what)]), ...labels(view));
  const column = Math.ceil(longest * CHARACTER) + 40;
  const x = new Map(names.map((name, index) => [name, index * column + column / 2]));
  const height = TOP + view.tunnels.length * ROW + 20;
  const at = (name: string): number => x.get(name) ?? (names.length - 0.5) * column;
  const heads = names.flatMap((name) => {
    const what = view.machines.find((machine) => machine.name === name)?.what ?? 'other machines';
    return [
      `<text x="${at(name)}" y="22" class="name">${escape(name)}</text>`,
      `<text x="${at(name)}" y="40">${escape(what)}</text>`,
      `<line x1="${at(name)}" y1="50" x2="${at(name)}" y2="${height - 10}" class="machine"/>`,
    ];
  });
  const rows = view.tunnels.flatMap((tunnel, index) => row(tunnel, { y: TOP + index * ROW + 30, at }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${names.length * column}" height="${height}" font-family="monospace" font-size="12">`,
    '<style>text{text-anchor:middle;fill:#222}.name{font-weight:bold;font-size:14px}.machine{stroke:#bbb}.ssh{stroke:#176b2c;stroke-width:3}.plain{stroke:#c22;stroke-width:2;stroke-dasharray:6 4}.inside{stroke:#555;stroke-width:2}.port{fill:#fff;stroke:#176b2c;stroke-width:2}</style>',
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
    '<rect width="100%" height="100%" fill="#fff"/>',
    ...heads,
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

const labels = (view: GraphView): number[] =>
  view.tunnels.flatMap((tunnel) =>
    [tunnel.ingress.address, tunnel.legs.at(-1)?.to ?? '', `${tunnel.name} (${tunnel.type})`].map((text) => visibleWidth(text)),
  );

interface Place {
  readonly y: number;
  readonly at: (name: string) => number;
}

function row(tunnel: TunnelPath, { y, at }: Place): string[] {
  const start = at(tunnel.ingress.machine);
  const drawn = tunnel.legs.flatMap((leg, index) => arrow(leg, { y: y + index * 10, at }));
  return [
    `<text x="${start}" y="${y - 26}" class="name">${escape(`${tunnel.name} (${tunnel.type})`)}</text>`,
    `<text x="${start}" y="${y - 11}">listens on ${escape(tunnel.ingress.address)}</text>`,
    ...drawn,
    `<circle cx="${start}" cy="${y}" r="6" class="port"/>`,
  ];
}

function arrow(leg: Leg, { y, at }: Place): string[] {
  const from = at(leg.from);
  if (leg.over === 'inside') {
    return [
      `<line x1="${from}" y1="${y}" x2="${from}" y2="${y + 12}" class="inside" marker-end="url(#tip)"/>`,
      `<text x="${from}" y="${y + 26}">${escape(leg.to)}</text>`,
    ];
  }
  const to = at(leg.over === 'plain' ? 'outside' : leg.to);
  const line = `<line x1="${from}" y1="${y}" x2="${to}" y2="${y}" class="${leg.over}" marker-end="url(#tip)"/>`;
  return leg.over === 'plain' ? [line, `<text x="${to}" y="${y + 18}">${escape(leg.to)} (plain TCP)</text>`] : [line];
}
