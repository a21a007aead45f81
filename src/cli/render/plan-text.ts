/** A plan as it is read: a coloured line a step, and its cause. */
import type { Edge, Graph } from '../../core/graph.ts';
import { hostNode, nodeName, tunnelNode } from '../../core/graph.ts';
import { formatStep, type Plan, type Step } from '../../core/plan.ts';
import { listed } from './quantity.ts';
import type { Style } from './style.ts';

const COLOUR = { create: 'green', update: 'yellow', remove: 'red' } as const;

export interface PlanContext {
  /** What is to be, where it is known: then each new thing says what it waits for. */
  readonly desired: Graph | null;
  /** What runs; null is nothing, which is cause enough for all of it. */
  readonly running: Graph | null;
}

/** `+ host bastion`, `+ tunnel git  needs git-inner`. A tunnel's own hosts are not repeated: they stand above it. */
export function planLines(plan: Plan, context: PlanContext, style: Style): string[] {
  if (plan.steps.length === 0) return ['no changes'];
  return plan.steps.map((step) => {
    const why = [...needs(step, context.desired), ...causes(step, context.running)].map((each) => `  ${each}`).join('');
    return `${style(COLOUR[step.action], formatStep(step))}${style('dim', why)}`;
  });
}

function needs(step: Step, graph: Graph | null): string[] {
  if (step.action !== 'create' || graph === null) return [];
  const node = step.kind === 'host' ? hostNode(step.name) : tunnelNode(step.name);
  const edges = graph.edges.filter((edge) => edge.from === node);
  const via = edges.filter((edge) => edge.why === 'via').map((edge) => nodeName(edge.to));
  const others = edges.filter((edge) => !['via', 'host', 'client'].includes(edge.why)).map(needed);
  return [via.length === 0 ? '' : `via ${listed(via)}`, others.length === 0 ? '' : `needs ${listed([...new Set(others)])}`].filter(Boolean);
}

const needed = (edge: Edge): string => `${nodeName(edge.to)}${edge.condition === 'healthy' ? ' (healthy)' : ''}`;

/** Why something comes or goes; an update says for itself what changed. */
function causes(step: Step, running: Graph | null): string[] {
  if (running === null || step.action === 'update') return [];
  if (step.action === 'create') {
    if (step.kind === 'host') return ['needed, and not connected'];
    return [running.tunnels.has(step.name) ? 'stopped' : 'asked for, and not up'];
  }
  if (step.kind === 'host') return ['no tunnel needs it any more'];
  const hasProfiles = (running.tunnels.get(step.name)?.spec.profiles.length ?? 0) > 0;
  return [hasProfiles ? 'not in the file any more, or in no active profile' : 'not in the file any more'];
}

const SIGNED: Readonly<Record<string, (typeof COLOUR)[Step['action']]>> = { '+': 'green', '~': 'yellow', '-': 'red' };

/** Colours a plan that was already made into text, as the `applied` event has it. */
export const colourPlan = (text: string, style: Style): string[] =>
  text.split('\n').map((line) => {
    const colour = SIGNED[line[0] ?? ''];
    return colour ? style(colour, line) : line;
  });
