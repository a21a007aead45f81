#!/usr/bin/env -S node --
/** The bin: the only process.exit, and the only place that turns an unexpected throw into one line. */
import manifest from '../package.json' with { type: 'json' };
import { freeBuffersAtOnce } from './cli/free-at-once.ts';
import { resultsTo } from './cli/results.ts';

const argv = process.argv.slice(2);

/** A reader that went away (`tunnels graph | head`) is no error, and must not end tunnels that are up. */
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
const results = resultsTo(process.stdout);

let leaving = false;

function leave(code: number): void {
  if (leaving) return;
  leaving = true;
  restoreTerminal();
  // Pipes are asynchronous on some systems: what was written has to get out first, but not at any price.
  const exit = (): void => process.exit(results.lost === null ? code : 1);
  setTimeout(exit, 1_000).unref();
  process.stdout.write('', () => process.stderr.write(results.lost === null ? '' : `tunnels: ${results.lost}\n`, exit));
}

function restoreTerminal(): void {
  if (process.stderr.isTTY === true) process.stderr.write('\u001b[?25h');
  if (process.stdin.isTTY === true && process.stdin.isRaw) process.stdin.setRawMode(false);
}

function bug(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`this is a bug in tunnels: ${message.split('\n')[0] ?? ''}\n`);
  const isVerbose =
    argv
      .filter((word) => /^-v+$/.test(word))
      .join('')
      .replace(/-/g, '').length >= 3;
  if (isVerbose && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  leave(1);
}

async function main(): Promise<void> {
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    results.output.write(`${manifest.version}\n`);
    return leave(0);
  }
  freeBuffersAtOnce();
  process.on('uncaughtException', bug);
  process.on('unhandledRejection', bug);
  const [{ cli }, { processIo }] = await Promise.all([import('./cli/cli.ts'), import('./cli/process-io.ts')]);
  leave(await cli(argv, processIo(manifest.version, results), manifest.version));
}

main().catch(bug);
