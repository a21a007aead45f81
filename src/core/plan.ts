/** What stands between what runs and what the file says, as steps in the order they are carried out. */
import type { SessionId } from './graph.ts';
import type { TunnelName } from './spec.ts';

/** How a change is made. `reopen` closes and opens again; `retarget` only touches new connections; `in-place` touches none. */
export type How = 'reopen' | 'retarget' | 'in-place';

export interface FieldChange {
  readonly field: string;
  readonly from: string;
  readonly to: string;
}

export type Step =
  | { readonly action: 'create' | 'remove'; readonly kind: 'host'; readonly name: SessionId }
  | { readonly action: 'create' | 'remove'; readonly kind: 'tunnel'; readonly name: TunnelName }
  | {
      readonly action: 'update';
      readonly kind: 'host' | 'tunnel';
      readonly name: string;
      readonly how: How;
      readonly changes: readonly FieldChange[];
    };

export interface Plan {
  readonly steps: readonly Step[];
}

const SIGN = { create: '+', update: '~', remove: '-' } as const;

/** `+ tunnel web` · `~ tunnel git: egress a:1 → b:2 (retarget)` · `- host old` */
export function formatStep(step: Step): string {
  const head = `${SIGN[step.action]} ${step.kind} ${step.name}`;
  if (step.action !== 'update') return head;
  const changes = step.changes.map(({ field, from, to }) => `${field} ${from} → ${to}`).join(', ');
  return `${head}: ${changes} (${step.how})`;
}

/** Whether such a line is about the host or tunnel of this name. */
export const isStepOf = (line: string, name: string): boolean =>
  ['host', 'tunnel'].some((kind) => line.slice(2) === `${kind} ${name}` || line.slice(2).startsWith(`${kind} ${name}: `));

/** One line a step; "no changes" for an empty plan. */
export function formatPlan(plan: Plan): string {
  return plan.steps.length === 0 ? 'no changes' : plan.steps.map(formatStep).join('\n');
}
