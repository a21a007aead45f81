/** `schema`: the JSON schema of tunnels.yaml, for editors and validators. */
import schema from '../../../schema/tunnels.schema.json' with { type: 'json' };
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';

export function printSchema(io: Io): ExitCode {
  io.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
  return EXIT.done;
}
