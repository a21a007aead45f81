/** The network that is really there: ssh2 connections, sockets of this machine, processes on hosts. */
import type { HostSpec } from '../core/spec.ts';
import { dialHere, listenHere } from '../forward/local.ts';
import { dialFromHost, listenOnHost } from '../forward/remote.ts';
import { launchSsh, type LaunchDestination } from '../forward/ssh-process.ts';
import { connect } from '../ssh/connect.ts';
import { channelTransport, tcpTransport } from '../ssh/dial.ts';
import { runLocalCommand } from './local-command.ts';
import type { Network } from './network.ts';

export const realNetwork: Network = {
  connect,
  tcpTransport: (host, port) =>
    tcpTransport({ host: host.hostname, port, addressFamily: host.addressFamily, timeoutMs: host.connectTimeoutMs }),
  channelTransport,
  listenHere: (address, { spec, onClient, signal }) =>
    listenHere(address, { socketMode: spec.socketMode, onConflict: spec.onConflict, onClient, signal }),
  listenOnHost: ({ connection, name }, address, { spec, onClient, signal, earlier = null, onHeld = () => undefined }) =>
    listenOnHost(connection, address, { host: name, expose: spec.expose, onClient, signal, earlier, onHeld }),
  launch: (connection, { spec, host, jumps, egress, previous, signal }) =>
    launchSsh({
      connection,
      spec: egress ? { ...spec, egress } : spec,
      destination: { ...destination(host), jumps: jumps.map(destination) },
      previous,
      signal,
    }),
  dialHere,
  runCommand: runLocalCommand,
  dialFromHost,
};

/** As the file says it: this machine's ssh_config is not the client's. */
const destination = (host: HostSpec): LaunchDestination => ({ hostname: host.name, ...host.declared });
