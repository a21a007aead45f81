/** A plan as it is read: a coloured line a step, and what each new thing waits for. */
import type { Edge, Graph } from '../../core/graph.ts';
import { hostNode, nodeName, tunnelNode } from '../../core/graph.ts';
import { formatStep, type Plan, type Step } from '../../core/plan.ts';
import { listed } from './quantity.ts';
import type { Style } from './style.ts';

const COLOUR = { create: 'green', update: 'yellow', remove: 'red' } as const;

/** `+ host bastion`, `+ tunnel git  needs git-inner`. A tunnel's own hosts are not repeated: they stand above it. */
export function planLines(plan: Plan, graph: Graph | null, style: Style): string[] {
  if (plan.steps.length === 0) return ['no changes'];
  return plan.steps.map((step) => `${style(COLOUR[step.action], formatStep(step))}${style('dim', needs(step, graph))}`);
}

function needs(step: Step, graph: Graph | null): string {
  if (step.action !== 'create' || graph === null) return '';
  const node = step.kind === 'host' ? hostNode(step.name) : tunnelNode(step.name);
  const edges = graph.edges.filter((edge) => edge.from === node);
  const via = edges.filter((edge) => edge.why === 'via').map((edge) => nodeName(edge.to));
  const others = edges.filter((edge) => !['via', 'host', 'client'].includes(edge.why)).map(needed);
  return `${via.length === 0 ? '' : `  via ${listed(via)}`}${others.length === 0 ? '' : `  needs ${listed([...new Set(others)])}`}`;
}

const needed = (edge: Edge): string => `${nodeName(edge.to)}${edge.condition === 'healthy' ? ' (healthy)' : ''}`;

const SIGNED: Readonly<Record<string, (typeof COLOUR)[Step['action']]>> = { '+': 'green', '~': 'yellow', '-': 'red' };

/** Colours a plan that was already made into text, as the `applied` event has it. */
export const colourPlan = (text: string, style: Style): string[] =>
  text.split('\n').map((line) => {
    const colour = SIGNED[line[0] ?? ''];
    return colour ? style(colour, line) : line;
  });
