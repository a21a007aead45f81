/** The graph as a Mermaid flowchart: a box a machine, the ingress rounded in it, thick lines for SSH, dotted ones for plain TCP. */
import type { GraphView } from './graph-view.ts';
import { drawing } from './graph-drawing.ts';

/** Mermaid takes HTML entities in quoted labels, and nothing else is safe there. */
const quote = (text: string): string => `"${text.replace(/[&"<>#]/g, (character) => `#${character.codePointAt(0) ?? 0};`)}"`;

export function graphMermaid(view: GraphView): string {
  const { boxes, links } = drawing(view);
  const lines = ['flowchart LR'];
  for (const box of boxes) {
    if (box.title !== null) lines.push(`  subgraph ${box.id}[${quote(box.title)}]`);
    const pad = box.title === null ? '  ' : '    ';
    for (const node of box.nodes) {
      const label = quote(node.label);
      lines.push(`${pad}${node.id}${node.kind === 'ingress' ? `([${label}])` : `[${label}]`}`);
    }
    if (box.nodes.length === 0) lines.push(`${pad}${box.id}_self[" "]`);
    if (box.title !== null) lines.push('  end');
  }
  const ARROW = { ssh: '==>', plain: '-.->', inside: '-->' } as const;
  for (const link of links) lines.push(`  ${link.from} ${ARROW[link.over]}|${quote(link.label)}| ${link.to}`);
  return `${lines.join('\n')}\n`;
}
