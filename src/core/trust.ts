/** A project's commands run only where the user trusts the file as it is. Here is what becomes of a project that is, or is not. */
import type { FailureParts } from './failure.ts';
import type { HostSpec, Project, ProjectCommand, SecretSource, TunnelSpec } from './spec.ts';

const HINT = 'look at it, and allow it: tunnels trust';

/** The project with all its commands allowed. */
export const trusted = (project: Project): Project => ({
  ...project,
  hosts: mapped(project.hosts, (host) => ({ ...host, password: allowedSecret(host.password), passphrase: allowedSecret(host.passphrase) })),
  tunnels: mapped(project.tunnels, (tunnel) => {
    const check = tunnel.healthcheck;
    if (check?.probe.kind !== 'command') return tunnel;
    return { ...tunnel, healthcheck: { ...check, probe: { ...check.probe, command: allowed(check.probe.command) } } };
  }),
});

const allowed = (command: ProjectCommand): ProjectCommand => ({ ...command, trusted: true });
const allowedSecret = (source: SecretSource | null): SecretSource | null =>
  source && 'command' in source ? { command: allowed(source.command) } : source;

const mapped = <T>(from: ReadonlyMap<string, T>, change: (value: T) => T): Map<string, T> =>
  new Map([...from].map(([name, value]) => [name, change(value)]));

export interface Kept {
  readonly kind: 'host' | 'tunnel';
  readonly name: string;
}

export interface Untrusted {
  readonly project: Project;
  /** What keeps running as it was, because of a command that the file now has for it. */
  readonly kept: readonly Kept[];
}

/**
 * A project that is not trusted, on what runs: nothing that runs is lost. A tunnel keeps the healthcheck it had, and with it what that is
 * told (`env`, `ingress`), so that nothing of the new file reaches a command allowed before. A host stays as it was altogether, for its
 * secret must not go elsewhere. `stillTrusted` is false where the user has taken back the trust under which it runs.
 */
export function withoutTrust(desired: Project, running: Project | null, { stillTrusted }: { readonly stillTrusted: boolean }): Untrusted {
  const kept: Kept[] = [];
  const mayStay = (commands: readonly ProjectCommand[]): boolean => commands.every((command) => command.trusted && stillTrusted);
  const keep = <T>(kind: Kept['kind'], name: string, value: T): T => {
    kept.push({ kind, name });
    return value;
  };
  const hosts = mapped(desired.hosts, (host) => {
    const before = running?.hosts.get(host.name);
    if (hostCommands(host).length === 0 || !before || !mayStay(hostCommands(before))) return host;
    return before.via.every((hop) => desired.hosts.has(hop)) ? keep('host', host.name, before) : host;
  });
  const tunnels = mapped(desired.tunnels, (tunnel) => {
    const before = running?.tunnels.get(tunnel.name);
    if (tunnelCommands(tunnel).length === 0 || !before || !mayStay(tunnelCommands(before))) return tunnel;
    const told = tunnelCommands(before).length > 0 ? { env: before.env, ingress: before.ingress } : {};
    return keep('tunnel', tunnel.name, { ...tunnel, ...told, healthcheck: before.healthcheck });
  });
  return { project: { ...desired, hosts, tunnels }, kept };
}

const hostCommands = ({ password, passphrase }: HostSpec): readonly ProjectCommand[] =>
  [password, passphrase].flatMap((source) => (source && 'command' in source ? [source.command] : []));

const tunnelCommands = ({ healthcheck }: TunnelSpec): readonly ProjectCommand[] =>
  healthcheck?.probe.kind === 'command' ? [healthcheck.probe.command] : [];

/** Asked before it is dialled, not when the server wants the secret: better at the first `up` than in the night, at a reconnect. */
export function untrustedHost(host: HostSpec): FailureParts | null {
  const [command] = hostCommands(host).filter((each) => !each.trusted);
  return command ? refused(`${host.name}: a secret of it is printed by a command`, command) : null;
}

export function untrustedTunnel(tunnel: TunnelSpec): FailureParts | null {
  const [command] = tunnelCommands(tunnel).filter((each) => !each.trusted);
  return command ? refused(`${tunnel.name}: its healthcheck runs a command`, command) : null;
}

const refused = (what: string, { argv }: ProjectCommand): FailureParts => ({
  code: 'untrusted',
  message: `${what} that you have not allowed: ${programOf(argv)}`,
  hint: HINT,
});

/** Its first word, as far as it can be shown in a line. */
const programOf = ([program = '']: readonly string[]): string => {
  const shown = program.replace(/[^\x20-\x7e]/g, '?');
  return shown.length > 80 ? `${shown.slice(0, 79)}…` : shown;
};
