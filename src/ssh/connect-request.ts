/** What it takes to connect to a host, and what the one who connects is asked and told on the way. */
import type { Duplex } from 'node:stream';
import type { HostSpec, SecretSource } from '../core/spec.ts';

export interface SecretRequest {
  readonly host: string;
  readonly user: string;
  /** `otp` is any other keyboard-interactive question; `prompt` is its text, stripped of terminal escapes. */
  readonly kind: 'password' | 'passphrase' | 'otp';
  readonly prompt: string;
  /** False: do not show what is typed (RFC 4256 §3.2). */
  readonly echo: boolean;
  /** The key file, for a passphrase. */
  readonly keyFile: string | null;
  readonly source: SecretSource | null;
}

export interface HostKeyQuestion {
  readonly host: string;
  /** `[name]:port` as known_hosts writes it. */
  readonly address: string;
  readonly algorithm: string;
  /** `SHA256:…` without padding, as ssh-keygen -l prints it. */
  readonly fingerprint: string;
}

export interface Asker {
  /**
   * Null: nobody can answer (no terminal, variable unset). The one who asks turns that into a `needs-user` failure; where more is known,
   * as of a command that failed, it rejects with that one.
   */
  secret(request: SecretRequest, signal: AbortSignal): Promise<string | null>;
  /** `yes` to trust and remember, `no` to stop, null when there is no terminal. */
  hostKey(question: HostKeyQuestion, signal: AbortSignal): Promise<'yes' | 'no' | null>;
}

export type ConnectNotice =
  | { readonly type: 'phase'; readonly phase: 'dial' | 'handshake' | 'authenticate' }
  | { readonly type: 'banner'; readonly text: string }
  | { readonly type: 'host-key'; readonly fingerprint: string; readonly trusted: string }
  | { readonly type: 'warning'; readonly message: string; readonly hint: string | null }
  | { readonly type: 'debug'; readonly level: 1 | 2 | 3; readonly message: string };

/** Opens the byte stream the connection runs over: a TCP socket, or a channel of the hop before. Rejects with a FailureError. */
export type Transport = (signal: AbortSignal) => Promise<Duplex>;

export interface ConnectRequest {
  readonly host: HostSpec;
  /** The real port where the spec's is allocated by a tunnel (0). */
  readonly port: number;
  readonly transport: Transport;
  readonly asker: Asker;
  readonly notify: (notice: ConnectNotice) => void;
  readonly signal: AbortSignal;
  /** Report debug lines up to this level; 0 for none. */
  readonly verbosity: 0 | 1 | 2 | 3;
}
