/** How a tunnel is probed: by the way its own connections go, without counting as one of them. */
import type { Address } from '../core/address.ts';
import { FailureError } from '../core/failure.ts';
import type { TunnelNode } from '../core/graph.ts';
import { listensOnHost } from '../core/spec.ts';
import type { Dial } from '../forward/client.ts';
import { probeHttp, probeTcp } from '../forward/probe.ts';
import type { Connection } from '../ssh/connection.ts';

export interface ProbeWay {
  /** How new connections are dialled; null while there is no way. */
  readonly dial: Dial | null;
  /** The connection they go over, or that a launched ssh runs on; null where they are dialled from this machine. */
  readonly connection: Connection | null;
  readonly egress: Address | null;
  readonly bound: Address | null;
}

/** Rejects with a FailureError that says what did not answer. */
export async function probeTunnel({ spec, runsOn }: TunnelNode, way: ProbeWay, signal: AbortSignal): Promise<void> {
  const check = spec.healthcheck;
  if (!way.dial || !check)
    throw new FailureError({ code: 'connection-lost', message: `${spec.name} has no connection to be probed through` });
  // A launched ssh listens on the client host: there the whole tunnel can be tried. Its far ingress is out of reach, its egress is not.
  const target = runsOn !== null && !listensOnHost(spec.type) ? way.bound : way.egress;
  if (!target) {
    // A proxy has no target of its own: what carries it must answer.
    await way.connection?.ping(check.timeoutMs);
    return;
  }
  if (check.probe.kind === 'http') await probeHttp(way.dial, { address: target, path: check.probe.path }, signal);
  else await probeTcp(way.dial, target, signal);
}
