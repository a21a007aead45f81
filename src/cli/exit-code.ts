/** The exit codes of DESIGN section 3. */
export const EXIT = {
  done: 0,
  /** A failure at run time; also a bug. */
  failure: 1,
  usage: 2,
  /** `plan` found changes: deliberately the number diff-like tools use, and the contract's. */
  changes: 2,
  invalidConfiguration: 3,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
