/** Where results go, and whether they got there: half a file on a full disk must not look like success. */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { getSystemErrorMap } from 'node:util';
import type { Output } from './io.ts';

export interface Results {
  readonly output: Output;
  /** Calls back when what is written does not get anywhere any more, until the returned function is called. */
  onLost(listener: () => void): () => void;
  /** Null: all of it got out, or its reader has gone, which is the reader's own choice. */
  readonly lost: string | null;
}

/** No reader, or no terminal, any more: nobody is there to be told. */
const GONE: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET']);

type Write = (fd: number, bytes: Uint8Array) => number;

export function resultsTo(stream: NodeJS.WriteStream & { readonly fd: number }, write: Write = writeSync): Results {
  let failed: NodeJS.ErrnoException | null = null;
  const listeners = new Set<() => void>();
  const fail = (error: NodeJS.ErrnoException): void => {
    if (failed) return;
    failed = error;
    for (const listener of listeners) listener();
  };
  stream.on('error', fail);
  const { fd } = stream;
  // Pipes and terminals are sockets to node.
  const isSocket: boolean = stream instanceof Socket;
  return {
    output: isSocket ? stream : { write: (text) => failed ?? writeAll({ fd, text, write, fail }) },
    onLost(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get lost() {
      const code = failed?.code ?? '';
      if (failed === null || GONE.has(code) || (code === 'EIO' && stream.isTTY)) return null;
      return `cannot write the results: ${[...getSystemErrorMap().values()].find(([name]) => name === code)?.[1] ?? failed.message} (${code})`;
    },
  };
}

interface Writing {
  readonly fd: number;
  readonly text: string;
  readonly write: Write;
  readonly fail: (error: NodeJS.ErrnoException) => void;
}

/** Node's own stream for files takes a write that the disk had only half the room for as done. */
function writeAll({ fd, text, write, fail }: Writing): void {
  let rest: Uint8Array = Buffer.from(text);
  try {
    while (rest.length > 0) rest = rest.subarray(write(fd, rest));
  } catch (error) {
    fail(error as NodeJS.ErrnoException);
  }
}
