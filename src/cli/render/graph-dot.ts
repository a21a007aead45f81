/** The graph for Graphviz. */
import { drawing } from './graph-drawing.ts';
import type { GraphView } from './graph-view.ts';

const quote = (text: string): string => `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;

const LINE = { ssh: 'style=bold, color="darkgreen"', plain: 'style=dashed, color="red"', inside: 'style=solid' } as const;
const SHAPE = { ingress: 'shape=oval', egress: 'shape=box', target: 'shape=box, style=rounded' } as const;

export function graphDot(view: GraphView): string {
  const { boxes, links } = drawing(view);
  const lines = [`digraph ${quote(view.project)} {`, '  rankdir=LR;'];
  for (const box of boxes) {
    const pad = box.title === null ? '  ' : '    ';
    if (box.title !== null) lines.push(`  subgraph ${quote(`cluster_${box.id}`)} {`, `    label=${quote(box.title)};`);
    for (const node of box.nodes) lines.push(`${pad}${quote(node.id)} [label=${quote(node.label)}, ${SHAPE[node.kind]}];`);
    // A cluster without a node is not drawn at all, and the machine would be missing.
    if (box.title !== null && box.nodes.length === 0) lines.push(`${pad}${quote(`${box.id}_self`)} [label="", shape=point];`);
    if (box.title !== null) lines.push('  }');
  }
  for (const link of links) lines.push(`  ${quote(link.from)} -> ${quote(link.to)} [label=${quote(link.label)}, ${LINE[link.over]}];`);
  return `${[...lines, '}'].join('\n')}\n`;
}
