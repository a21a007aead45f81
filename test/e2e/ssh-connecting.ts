/** Connects src/ssh to the servers of the harness, and keeps what was said on the way. */
import { afterEach } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { type Failure, isFailureError } from '../../src/core/failure.ts';
import type { HostSpec } from '../../src/core/spec.ts';
import { connect } from '../../src/ssh/connect.ts';
import type { Asker, ConnectNotice, ConnectRequest, SecretRequest } from '../../src/ssh/connect-request.ts';
import type { Connection } from '../../src/ssh/connection.ts';
import { channelTransport, tcpTransport } from '../../src/ssh/dial.ts';
import { hostSpec } from '../helpers/spec.ts';
import { startSshd, type Sshd, type SshdOptions } from '../helpers/sshd.ts';

const undo: (() => Promise<unknown> | unknown)[] = [];
/** Runs after the test, last first. */
export const afterwards = (work: () => Promise<unknown> | unknown): void => void undo.push(work);

afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

export async function server(options: SshdOptions = {}): Promise<Sshd> {
  const sshd = await startSshd(options);
  afterwards(() => sshd.stop());
  return sshd;
}

/** Answers in order; the last answer for ever. Null: no terminal. */
export interface Answers {
  readonly secrets?: readonly (string | null)[];
  readonly hostKey?: 'yes' | 'no' | null;
}

export interface Attempt {
  readonly spec: HostSpec;
  readonly notices: ConnectNotice[];
  readonly questions: SecretRequest[];
  readonly request: ConnectRequest;
  readonly abort: AbortController;
}

export interface AttemptOptions {
  readonly host?: Partial<HostSpec>;
  readonly answers?: Answers;
  readonly through?: Connection;
  readonly verbosity?: ConnectRequest['verbosity'];
}

/** A request for `sshd` with its own key and known_hosts, changed by `host`. */
export function attempt(
  sshd: Pick<Sshd, 'address' | 'port' | 'user' | 'userKey' | 'knownHostsFile' | 'name'>,
  options: AttemptOptions = {},
): Attempt {
  const spec = hostSpec(sshd.name, {
    hostname: sshd.address,
    port: sshd.port,
    user: sshd.user,
    identityFiles: [sshd.userKey.privateKeyFile],
    identityFilesExplicit: true,
    knownHosts: [sshd.knownHostsFile],
    ...options.host,
  });
  const notices: ConnectNotice[] = [];
  const questions: SecretRequest[] = [];
  const abort = new AbortController();
  const { secrets = [null], hostKey = null } = options.answers ?? {};
  const asker: Asker = {
    secret: async (question) => {
      questions.push(question);
      return secrets[Math.min(questions.length, secrets.length) - 1] ?? null;
    },
    hostKey: async () => hostKey,
  };
  const target = { host: spec.hostname, port: spec.port, addressFamily: spec.addressFamily, timeoutMs: spec.connectTimeoutMs };
  const transport = options.through ? channelTransport(options.through, tcp(spec.hostname, spec.port)) : tcpTransport(target);
  return {
    spec,
    notices,
    questions,
    abort,
    request: {
      host: spec,
      port: spec.port,
      transport,
      asker,
      notify: (notice) => void notices.push(notice),
      signal: abort.signal,
      verbosity: options.verbosity ?? 1,
    },
  };
}

export async function open(sshd: Sshd, options: AttemptOptions = {}): Promise<Connection> {
  const connection = await connect(attempt(sshd, options).request);
  afterwards(() => connection.end(500));
  return connection;
}

/** The failure of a promise that must reject with one. */
export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    if (isFailureError(error)) return error.failure;
    throw error;
  }
  throw new Error('expected a failure');
}

/** A promise with its handle outside; Node 20 has no Promise.withResolvers. */
export function later<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
