/** A command's channel (RFC 4254 §6.5 and §6.10) as three streams and an exit. */
import type { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import type { ExecProcess } from './connection.ts';

type Exit = Awaited<ExecProcess['exit']>;

/** `stderr` must be read or resumed by the caller: it shares the channel's window with stdout. */
export function execProcess(channel: ClientChannel, stream: Duplex): ExecProcess {
  const exit = new Promise<Exit>((resolve) => {
    channel.on('exit', (code: number | null, signal?: string) => resolve({ code, signal: signal ?? null }));
    channel.once('close', () => resolve({ code: null, signal: null }));
    stream.once('close', () => resolve({ code: null, signal: null }));
  });
  // A lost connection is told by `exit`; whoever reads adds a listener of their own.
  stream.on('error', () => {});
  return { stdin: stream, stdout: stream, stderr: channel.stderr, exit, close: () => void stream.destroy() };
}
