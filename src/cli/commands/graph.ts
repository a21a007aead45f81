/** `graph`: machines, tunnels and the order, drawn. */
import { buildGraph } from '../../core/graph.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { graphAscii } from '../render/graph-ascii.ts';
import { graphDot } from '../render/graph-dot.ts';
import { graphMermaid } from '../render/graph-mermaid.ts';
import { graphSvg } from '../render/graph-svg.ts';
import { graphView, type GraphView } from '../render/graph-view.ts';
import { loadedProject } from './loaded-project.ts';

const RENDER = {
  ascii: graphAscii,
  mermaid: graphMermaid,
  dot: graphDot,
  svg: graphSvg,
  json: (view: GraphView) => `${JSON.stringify(view, null, 2)}\n`,
} as const;

export type GraphFormat = keyof typeof RENDER;

export async function graph(io: Io, globals: GlobalOptions, { format }: { readonly format: GraphFormat }): Promise<ExitCode> {
  const loaded = await loadedProject(io, globals);
  if (!loaded) return EXIT.invalidConfiguration;
  io.stdout.write(RENDER[format](graphView(buildGraph(loaded.project))));
  return EXIT.done;
}
