/** Makes the drivers of a graph's nodes, each given what it may know of the others. */
import { hostNode, nodeName, tunnelNode, type Graph, type SessionNode, type TunnelNode } from '../core/graph.ts';
import type { Asker } from '../ssh/connect-request.ts';
import type { Clock } from './clock.ts';
import { DialSlots } from './dial-slots.ts';
import type { EventBus } from './event-bus.ts';
import { Falls } from './falls.ts';
import { LostBinds } from './lost-bind.ts';
import type { Needs } from './needs.ts';
import type { Network } from './network.ts';
import { PendingCloses } from './pending-closes.ts';
import { launchTarget, realEgress, realPort } from './real-address.ts';
import type { Running } from './running.ts';
import { SessionDriver } from './session.ts';
import { TunnelDriver } from './tunnel.ts';

/** Twenty to a hundred logins at once trip sshd's MaxStartups. */
const DIALS_AT_ONCE = 8;

export interface DriverOptions {
  readonly clock: Clock;
  readonly network: Network;
  readonly asker: Asker;
  readonly verbosity: 0 | 1 | 2 | 3;
}

export interface DriversDeps extends DriverOptions {
  readonly bus: EventBus;
  readonly running: Running;
  readonly needs: Needs;
  /** What is applied. */
  graph(): Graph | null;
  /** How long a retiring connection's channels may go on; milliseconds. */
  drainLimit(): number;
}

export class Drivers {
  readonly #deps: DriversDeps;
  readonly #closing = new PendingCloses();
  readonly #lost: LostBinds;
  readonly #slots = new DialSlots(DIALS_AT_ONCE);
  readonly #falls: Falls;

  constructor(deps: DriversDeps) {
    this.#deps = deps;
    this.#lost = new LostBinds(deps.clock);
    this.#falls = new Falls({ clock: deps.clock, publish: deps.bus.publish, reach: (id) => deps.needs.reach(id) });
  }

  session(node: SessionNode, graph: Graph): SessionDriver {
    const { clock, network, asker, verbosity, running, needs, drainLimit } = this.#deps;
    const spec = graph.project.hosts.get(node.host);
    if (!spec) throw new Error(`no spec for host ${node.host}`);
    return new SessionDriver(node, spec, {
      clock,
      network,
      asker,
      verbosity,
      slots: this.#slots,
      publish: (from, body) => this.#falls.tell(hostNode(from.id), body),
      hop: (from) => (from.via === null ? null : { passage: running.sessions.get(from.via)?.passage ?? null }),
      port: (from, current) => realPort(current, needs.all(hostNode(from.id)), running),
      missing: (from) => needs.missing(hostNode(from.id)).on,
      carriers: (from) => needs.carriers(hostNode(from.id)).flatMap((each) => running.sessions.get(nodeName(each)) ?? []),
      drainMs: drainLimit,
      cut: (channels) => {
        for (const tunnel of [...running.tunnels.values(), ...running.leaving.tunnels]) tunnel.cut(channels);
      },
      changed: (from) => needs.changed(hostNode(from.id)),
    });
  }

  tunnel(node: TunnelNode): TunnelDriver {
    const { clock, network, running, needs, graph } = this.#deps;
    const id = (tunnel: TunnelNode): string => tunnelNode(tunnel.spec.name);
    return new TunnelDriver(node, {
      clock,
      network,
      closing: this.#closing,
      lost: this.#lost,
      publish: (from, body) => this.#falls.tell(id(from), body),
      lead: (session) => running.sessions.get(session)?.lead ?? null,
      passage: (session) => running.sessions.get(session)?.passage ?? null,
      missing: (from) => needs.missing(id(from)),
      egress: (from) => realEgress(from, needs.now(id(from)), running),
      launchTarget: (from) => launchTarget(from, graph()),
      changed: (from) => needs.changed(id(from)),
      told: async (session) => running.sessions.get(session)?.speakFirst(false),
    });
  }
}
