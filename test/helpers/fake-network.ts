/** A network in memory for the engine: hosts that accept, refuse or hang, and whose connections a test can cut. */
import { PassThrough } from 'node:stream';
import { formatAddress, tcp, type Address } from '../../src/core/address.ts';
import { FailureError, type Failure, type FailureParts } from '../../src/core/failure.ts';
import type { RunCommand } from '../../src/engine/command.ts';
import type { Network } from '../../src/engine/network.ts';
import type { Listener, OnClient } from '../../src/forward/client.ts';
import type { Connection } from '../../src/ssh/connection.ts';

export interface FakeConnection extends Connection {
  readonly host: string;
  /** What it listens on for us. */
  readonly listening: Set<string>;
  readonly dialled: string[];
  readonly ended: boolean;
  cut(failure: FailureParts | null): void;
}

export interface FakeNetwork extends Network {
  /** In order: `connect bastion`, `listen here localhost:8080`, `listen bastion localhost:2999`, `end bastion`. */
  readonly log: string[];
  /** Live connections by host name. */
  live(host: string): FakeConnection;
  readonly connections: FakeConnection[];
  /** Makes the next tries to reach the host fail, until set to null. */
  refuse(host: string, failure: FailureParts | null): void;
  /** Lets the next tries to reach the host wait without an answer until they are given up. */
  hang(host: string): void;
  refuseDial(target: string, failure: FailureParts | null): void;
  refuseBind(address: string, failure: FailureParts | null): void;
  /** Makes an ssh run on a host (`launch: ssh`) fail to get to `host`, until set to null. */
  refuseLaunch(host: string, failure: FailureParts | null): void;
  /** Ends the ssh that was launched last. */
  endLaunched(failure: FailureParts): void;
  readonly listeners: Map<string, OnClient>;
  /** How a command of the project ends; with 0, until it is set. */
  answerCommand: RunCommand;
  /** Ports that are given for port 0. */
  nextPort: number;
}

export function fakeNetwork(): FakeNetwork {
  const log: string[] = [];
  const refusals = new Map<string, FailureParts>();
  const silent = new Set<string>();
  const dialRefusals = new Map<string, FailureParts>();
  const bindRefusals = new Map<string, FailureParts>();
  const launchRefusals = new Map<string, FailureParts>();
  let endLaunched: (failure: Failure | null) => void = () => undefined;
  const connections: FakeConnection[] = [];
  const listeners = new Map<string, OnClient>();

  const allocated = (address: Address): Address => {
    if (address.kind === 'unix' || address.port !== 0) return address;
    network.nextPort += 1;
    return tcp(address.host, network.nextPort);
  };

  const bind = (where: string, address: Address, onClient: OnClient): Listener => {
    const refusal = bindRefusals.get(formatAddress(address));
    if (refusal) throw new FailureError(refusal);
    const bound = allocated(address);
    const key = `${where} ${formatAddress(bound)}`;
    log.push(`listen ${key}`);
    listeners.set(key, onClient);
    return {
      bound: bound.kind === 'tcp' && bound.host === 'localhost' ? tcp('127.0.0.1', bound.port) : bound,
      close: async () => {
        if (listeners.delete(key)) log.push(`unlisten ${key}`);
      },
    };
  };

  const newConnection = (host: string): FakeConnection => {
    let resolveClosed: (failure: Failure | null) => void = () => undefined;
    let ended = false;
    const closed = new Promise<Failure | null>((resolve) => (resolveClosed = resolve));
    const listening = new Set<string>();
    const dialled: string[] = [];
    const cut = (parts: FailureParts | null): void => {
      if (ended) return;
      ended = true;
      for (const key of listening) listeners.delete(key);
      resolveClosed(parts ? new FailureError(parts).failure : null);
    };
    return {
      host,
      listening,
      dialled,
      serverVersion: 'SSH-2.0-fake',
      remoteAddress: null,
      closed,
      cut,
      get ended() {
        return ended;
      },
      dial: async (target) => {
        if (ended) throw new FailureError({ code: 'connection-lost', message: 'gone' });
        const refusal = dialRefusals.get(formatAddress(target));
        if (refusal) throw new FailureError(refusal);
        dialled.push(formatAddress(target));
        return new PassThrough();
      },
      listen: async () => {
        throw new Error('the fake network listens by listenOnHost');
      },
      exec: async () => {
        throw new Error('the fake network runs nothing');
      },
      ping: async () => 1,
      doubt: () => false,
      flushed: async () => undefined,
      setKeepalive: ({ intervalMs }) => void log.push(`keepalive ${host} ${intervalMs}`),
      end: async () => {
        if (!ended) log.push(`end ${host}`);
        cut(null);
      },
    };
  };

  const network: FakeNetwork = {
    log,
    connections,
    listeners,
    nextPort: 40_000,
    live: (host) => {
      const found = connections.findLast((each) => each.host === host && !each.ended);
      if (!found) throw new Error(`${host} is not connected`);
      return found;
    },
    refuse: (host, parts) => void (parts ? refusals.set(host, parts) : refusals.delete(host)),
    hang: (host) => void silent.add(host),
    refuseDial: (target, parts) => void (parts ? dialRefusals.set(target, parts) : dialRefusals.delete(target)),
    refuseBind: (address, parts) => void (parts ? bindRefusals.set(address, parts) : bindRefusals.delete(address)),
    connect: async ({ host, port, transport, signal }) => {
      log.push(`connect ${host.name}:${port}`);
      await transport(signal);
      if (silent.has(host.name)) await new Promise((_, reject) => signal.addEventListener('abort', reject, { once: true }));
      const refusal = refusals.get(host.name);
      if (refusal) throw new FailureError(refusal);
      const connection = newConnection(host.name);
      connections.push(connection);
      return connection;
    },
    tcpTransport: () => async () => new PassThrough(),
    channelTransport: (hop, target) => () => hop.dial(target),
    listenHere: async (address, { onClient }) => bind('here', address, onClient),
    listenOnHost: async ({ connection, name }, address, { onClient }) => {
      const fake = connections.find((each) => each.closed === connection.closed && !each.ended);
      if (!fake) throw new FailureError({ code: 'connection-lost', message: `${connection.serverVersion} is gone` });
      const listener = bind(name, address, onClient);
      const key = `${name} ${formatAddress(listener.bound)}`.replace('127.0.0.1', 'localhost');
      fake.listening.add(key);
      const close = (): Promise<void> => {
        fake.listening.delete(key);
        return listener.close();
      };
      return { ...listener, close, proof: 'proven', reason: null };
    },
    refuseLaunch: (host, parts) => void (parts ? launchRefusals.set(host, parts) : launchRefusals.delete(host)),
    endLaunched: (parts) => endLaunched(new FailureError(parts).failure),
    launch: async (_connection, { spec, host }) => {
      log.push(`launch ${spec.name} to ${host.name}`);
      const refusal = launchRefusals.get(host.name);
      if (refusal) throw new FailureError(refusal);
      const closed = new Promise<Failure | null>((resolve) => (endLaunched = resolve));
      return { bound: spec.ingress, closed, close: async () => endLaunched(null) };
    },
    dialHere: async () => new PassThrough(),
    runCommand: async (request) => {
      log.push(`run ${request.argv.join(' ')}`);
      return network.answerCommand(request);
    },
    answerCommand: async () => ({ how: { ended: 'exit', code: 0 }, stdout: '', stderr: '', overflow: false }),
    dialFromHost: (connection) => (target) => connection.dial(target),
  };
  return network;
}
