/**
 * By which of its hosts a launched ssh goes (`launch: ssh` with a list of hosts). This process has no connection to them that could tell
 * how they are, so they are tried: in the order of the file, but the one that was lost last. It goes back to an earlier one when the
 * present ssh has ended, and not before: its port cannot be held twice, and what it carries is not seen from here.
 */
import type { FailureCode } from '../core/failure.ts';
import { byHost, type TunnelNode } from '../core/graph.ts';
import type { HostName } from '../core/spec.ts';

/** Failures of the machine that runs ssh: another host would not mend them. */
const OF_THE_CLIENT: ReadonlySet<FailureCode> = new Set(['bind-in-use', 'bind-denied', 'untrusted']);

export class LaunchTurns {
  #lost: HostName | null = null;

  /** The tunnel by each of its hosts, in the order in which they are to be tried now. `node` is as the graph has it, by its first host. */
  order(node: TunnelNode): readonly [TunnelNode, ...TunnelNode[]] {
    if (node.runsOn === null) return [node];
    const all = [node, ...node.others.map((_, index) => byHost(node, index + 1))];
    const [first = node, ...rest] = [...all.filter(({ host }) => host !== this.#lost), ...all.filter(({ host }) => host === this.#lost)];
    return [first, ...rest];
  }

  /** Another node of the same tunnel, by the host it goes by. */
  keep(node: TunnelNode, host: HostName): TunnelNode {
    return this.order(node).find((way) => way.host === host) ?? node;
  }

  /** Its ssh ended by itself, or could not be begun. */
  lost(host: HostName): void {
    this.#lost = host;
  }
}

/** Is it worth trying the next host? */
export const isOfHost = (code: FailureCode): boolean => !OF_THE_CLIENT.has(code);
