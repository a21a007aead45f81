/** How much a configuration may be; `values` and `depth` once its aliases are written out. */
export const LIMITS = { bytes: 1024 * 1024, depth: 64, tokens: 600_000, values: 200_000, syntaxErrors: 10 } as const;
