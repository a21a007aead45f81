/** A claim of a project that was won, with the server that answers on it. */
import { dirname } from 'node:path';
import { claimProject, type Alive, type ClaimOptions, type Standing } from './claim.ts';
import type { DaemonError } from './daemon-error.ts';
import type { Phase, Status } from './protocol.ts';
import { createControlServer, type Served } from './server.ts';

export interface Hold {
  readonly standing: Standing;
  readonly socket: string;
  readonly folder: string;
  /** Why it is not in the usual folder; null: it is. */
  readonly unusable: DaemonError | null;
  /** Sends what followers have not got yet, and ends their streams. */
  readonly endStreams: () => void;
  /** Nothing of it is left; whoever was still connected sees the end of that. */
  readonly release: () => Promise<void>;
  /** Answers nobody new; the calls that are being answered go on. */
  readonly retire: () => void;
}

export type HoldOutcome = { readonly won: true; readonly hold: Hold } | { readonly won: false; readonly holder: Alive };

export interface HoldOptions extends Omit<ClaimOptions, 'server' | 'standing'> {
  readonly served: Omit<Served, 'status'>;
  readonly status: (phase: Phase) => Status;
}

export async function takeHold({ served, status, ...claiming }: HoldOptions): Promise<HoldOutcome> {
  const standing: Standing = { phase: 'claiming' };
  const { server, endStreams } = createControlServer({ ...served, status: () => status(standing.phase) });
  const claim = await claimProject({ ...claiming, server, standing });
  if (!claim.won) return claim;
  const { socket, unusable, release } = claim;
  return {
    won: true,
    hold: { standing, socket, folder: dirname(socket), unusable, endStreams, release, retire: () => void server.close() },
  };
}
