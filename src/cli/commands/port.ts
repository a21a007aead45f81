/** `port NAME`: where it really listens, also with port 0 and `next`. */
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { missingLines } from '../render/missing-text.ts';
import { styleFor } from '../render/style.ts';
import { UsageError } from '../usage-error.ts';
import { namesMeant, runningProject } from '../running-project.ts';

export async function port(io: Io, globals: GlobalOptions, name: string): Promise<number> {
  const client = await runningProject(io, globals);
  const bound = (await client.exports()).find((each) => each.tunnel === name);
  if (bound) {
    io.stdout.write(`${bound.ingress}\n`);
    return EXIT.done;
  }
  const snapshot = await client.snapshot();
  const names = namesMeant(snapshot, [name]);
  if (names.length > 1) throw new UsageError(`"${name}" is a range, one tunnel a port`, `name one of ${names.join(', ')}`);
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stderr });
  const why = missingLines(
    snapshot.tunnels.filter((tunnel) => tunnel.name === name),
    style,
  );
  io.stderr.write(`tunnels: it listens nowhere yet: ${why.join('\n')}\n`);
  return EXIT.failure;
}
