/** The arguments of the bench; pure. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly json: boolean;
  readonly only: readonly string[];
  readonly runs: number;
  readonly quick: boolean;
  readonly save: boolean;
  readonly writeUp: boolean;
  readonly help: boolean;
}

export type Parsed = { readonly ok: true; readonly options: BenchOptions } | { readonly ok: false; readonly message: string };

const RUNS = 5;

export function parseOptions(args: readonly string[], names: readonly string[]): Parsed {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        runs: { type: 'string' },
        quick: { type: 'boolean', default: false },
        save: { type: 'boolean', default: false },
        'write-up': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
  const { json, quick, save, help, 'write-up': writeUp } = values;
  const only = values.only.flatMap((each) => each.split(','));
  const unknown = only.filter((each) => !names.includes(each));
  if (unknown.length > 0) return { ok: false, message: `--only ${unknown.join(',')}: there is ${names.join(', ')}` };
  const runs = values.runs === undefined ? (quick ? 1 : RUNS) : Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) return { ok: false, message: `--runs ${values.runs} is no whole number from 1 on` };
  return { ok: true, options: { json, only, runs, quick, save, writeUp, help } };
}
