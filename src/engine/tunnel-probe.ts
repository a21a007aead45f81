/** How a tunnel is probed: by the way its own connections go, without counting as one of them. */
import type { Address } from '../core/address.ts';
import { FailureError, type FailureParts } from '../core/failure.ts';
import { tunnelExports } from '../core/exports.ts';
import type { TunnelNode } from '../core/graph.ts';
import { listensOnHost, type ProjectCommand, type TunnelSpec } from '../core/spec.ts';
import { untrustedTunnel } from '../core/trust.ts';
import type { Dial } from '../forward/client.ts';
import { probeHttp, probeTcp } from '../forward/probe.ts';
import { endText, lastLine, shownWord, type CommandEnd, type RunCommand } from './command.ts';
import type { Passage } from './network.ts';

export interface ProbeWay {
  /** How new connections are dialled; null while there is no way. */
  readonly dial: Dial | null;
  /** Through the host they are dialled from, or on which a launched ssh runs; null where they are dialled from this machine. */
  readonly passage: Passage | null;
  readonly egress: Address | null;
  readonly bound: Address | null;
  readonly runCommand: RunCommand;
}

/** Rejects with a FailureError that says what did not answer. */
export async function probeTunnel({ spec, runsOn }: TunnelNode, way: ProbeWay, signal: AbortSignal): Promise<void> {
  const check = spec.healthcheck;
  if (check?.probe.kind === 'command') return probeByCommand(spec, check.probe.command, { way, signal });
  if (!way.dial || !check)
    throw new FailureError({ code: 'connection-lost', message: `${spec.name} has no connection to be probed through` });
  // A launched ssh listens on the client host: there the whole tunnel can be tried. Its far ingress is out of reach, its egress is not.
  const target = runsOn !== null && !listensOnHost(spec.type) ? way.bound : way.egress;
  if (!target) {
    // A proxy has no target of its own: what carries it must answer.
    await Promise.race([way.passage?.ping(check.timeoutMs), aborted(signal)]);
    return;
  }
  if (check.probe.kind === 'http') await probeHttp(way.dial, { address: target, path: check.probe.path }, signal);
  else await probeTcp(way.dial, target, signal);
}

/** A probe that is given up is over at once. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const fail = (): void => reject(new FailureError({ code: 'target-unreachable', message: 'the probe was given up' }));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });

/** The command is told where the tunnel listens, and asks in its own way; what it says last is why it failed. */
async function probeByCommand(
  spec: TunnelSpec,
  { argv, cwd }: ProjectCommand,
  { way, signal }: { readonly way: ProbeWay; readonly signal: AbortSignal },
): Promise<void> {
  // Only where the trust was taken back while it is open: it is not opened without.
  const refused = untrustedTunnel(spec);
  if (refused) throw new FailureError(refused);
  if (!way.bound)
    throw new FailureError({ code: 'connection-lost', message: `${spec.name} does not listen, so nothing can be asked there` });
  const end = await way.runCommand({ argv, cwd, env: tunnelExports(spec, way.bound), keep: 'end', signal });
  if (end.how.ended !== 'exit' || end.how.code !== 0) throw new FailureError(commandFailure(spec, argv[0] ?? '', end));
}

function commandFailure({ name }: TunnelSpec, program: string, end: CommandEnd): FailureParts {
  const said = lastLine(end.stderr) || lastLine(end.stdout);
  const message = `the healthcheck ${shownWord(program)} ${endText(end)}${said === '' ? '' : `: ${said}`}`;
  return { code: 'target-unreachable', message, hint: commandHint(name, program, end.how) };
}

const SHORT_OF_SOMETHING: readonly string[] = ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'];

function commandHint(tunnel: string, program: string, how: CommandEnd['how']): string {
  if (how.ended !== 'not-started')
    return `is the service behind the tunnel well? try it as the check does: tunnels run ${tunnel} -- ${shownWord(program)} …`;
  if (SHORT_OF_SOMETHING.includes(how.why))
    return 'it is run again at the next interval; raise the limit (ulimit), or lower max_connections';
  return 'is it installed, and in PATH? a relative path begins at the project directory';
}
