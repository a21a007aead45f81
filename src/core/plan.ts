/** placeholder, replaced in the next commit */
export type Step =
  | { readonly action: 'create' | 'remove'; readonly kind: 'host' | 'tunnel'; readonly name: string }
  | {
      readonly action: 'update';
      readonly kind: 'host' | 'tunnel';
      readonly name: string;
      readonly how: 'reopen' | 'retarget' | 'in-place';
      readonly fields: readonly string[];
    };
export interface Plan {
  readonly steps: readonly Step[];
}
/** One line a step: `+ tunnel web`, `~ tunnel git: egress (retarget)`, `- host old`. */
export declare function formatPlan(plan: Plan): string;
