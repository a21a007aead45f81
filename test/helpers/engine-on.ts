/** A real engine over the real network, for end-to-end tests below the configuration. */
import { buildGraph } from '../../src/core/graph.ts';
import type { TunnelsEvent } from '../../src/core/event.ts';
import type { HostSpec, Project } from '../../src/core/spec.ts';
import { systemClock } from '../../src/engine/clock.ts';
import { Engine, type Asker } from '../../src/engine/engine.ts';
import { realNetwork } from '../../src/engine/real-network.ts';
import { hostSpec } from './spec.ts';
import type { Sshd } from './sshd.ts';
import { until } from './wait.ts';

export interface RunningEngine {
  readonly engine: Engine;
  readonly events: TunnelsEvent[];
  apply(project: Project): void;
  /** Until every tunnel is open. */
  open(ms?: number): Promise<void>;
  state(name: string): string | undefined;
  ingressPort(name: string): number;
}

/** The host as the file would name it, reached at a real sshd. */
export const hostAt = (sshd: Sshd, part: Partial<HostSpec> & { readonly name: string }): HostSpec =>
  hostSpec(part.name, {
    hostname: sshd.address,
    port: sshd.port,
    user: sshd.user,
    identityFiles: [sshd.userKey.privateKeyFile],
    identityFilesExplicit: true,
    knownHosts: [sshd.knownHostsFile],
    ...part,
  });

const nobody: Asker = { secret: async () => null, hostKey: async () => null };

export function startEngine({ asker = nobody }: { readonly asker?: Asker } = {}): RunningEngine {
  const engine = new Engine({ clock: systemClock, network: realNetwork, asker, verbosity: 0 });
  const events: TunnelsEvent[] = [];
  engine.bus.subscribe((event) => events.push(event));
  const view = (name: string) => engine.snapshot().tunnels.find((tunnel) => tunnel.name === name);
  return {
    engine,
    events,
    apply: (project) => void engine.apply(buildGraph(project)),
    open: async (ms = 15_000) => {
      const detail = (): string => JSON.stringify({ ...engine.snapshot(), events: events.slice(-20) }, null, 1);
      await until(() => engine.outcome() !== 'pending', { what: 'the bring-up to end', ms, detail });
      if (engine.outcome() === 'failed') throw new Error(`failed: ${detail()}`);
    },
    state: (name) => view(name)?.state,
    ingressPort: (name) => Number(view(name)?.ingress.match(/:(\d+)$/)?.[1]),
  };
}
