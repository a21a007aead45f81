/** One tunnel of the file, key by key; a range becomes several. */
import { BlockList, isIP } from 'node:net';
import {
  isProxy,
  THIS_MACHINE,
  type Dependency,
  type Healthcheck,
  type HostName,
  type TunnelName,
  type TunnelSpec,
  type TunnelType,
} from '../core/spec.ts';
import { checkTunnel } from './check-tunnel.ts';
import { commandOf, type CommandPlace } from './command.ts';
import { resolveEnv } from './env-template.ts';
import type { MapNode } from './node.ts';
import type { Directories } from './paths.ts';
import type { Problems } from './problems.ts';
import { resolveEnds } from './resolve-address.ts';
import type { Span } from './source.ts';
import { reportUnsupported } from './unsupported.ts';
import type { Values } from './values.ts';

/** A tunnel of the file before names in it are known to exist. */
export interface TunnelDraft {
  /** As in the file: what `depends_on`, and the command line, may call all tunnels of a range. */
  readonly base: TunnelName;
  readonly spec: TunnelSpec;
  readonly places: TunnelPlaces;
}

export interface TunnelPlaces {
  readonly name: Span;
  readonly host: Span;
  readonly client: Span;
  readonly ingress: Span;
  readonly egress: Span;
  readonly dependsOn: ReadonlyMap<TunnelName, Span>;
  /** Of each `condition: healthy`, by the name it waits for as the file has it. */
  readonly healthy: ReadonlyMap<TunnelName, Span>;
  /** Null where there is none; one that could not be read is there all the same. */
  readonly healthcheck: Span | null;
  /** Of the command it runs. */
  readonly command: Span | null;
  readonly env: ReadonlyMap<string, Span>;
}

export interface TunnelRequest {
  readonly name: TunnelName;
  readonly key: Span;
  /** Its own keys over those of defaults.tunnel. */
  readonly values: Values;
  readonly own: MapNode;
  /** `launched`: only the ssh run on the client dials it, so the name is looked up there. */
  readonly refer: (text: string, at: Span, launched?: boolean) => HostName | null;
  readonly directories: Directories;
  readonly problems: Problems;
}

const TYPES = ['local', 'remote', 'dynamic', 'remote-dynamic'] as const;

export function resolveTunnel(request: TunnelRequest): readonly TunnelDraft[] {
  const { name, key, values, refer, directories, problems } = request;
  reportUnsupported('tunnel', values, problems);
  const type = values.choice('type', TYPES);
  reportMissing(request, type);
  const launched = values.text('launch') === 'ssh' && values.has('client');
  const hosts = hostsOf(request, launched);
  const client = clientOf(values, refer);
  const dependsOn = dependencies(values);
  // Without a type an address still says whether it is one.
  const ends = resolveEnds(values, { type: type ?? 'local', client: client ?? THIS_MACHINE, directories, problems });
  checkTunnel({ name, values, own: request.own, type, client, ingress: ends[0]?.ingress ?? null, problems });
  const settings = settingsOf(values, { directories, problems });
  const env = resolveEnv(values, ends[0]?.ingress ?? null, problems);
  if (!type || hosts.length === 0 || client === null) return [];
  const places: TunnelPlaces = {
    name: key,
    host: values.at('host'),
    client: values.at('client'),
    ingress: values.at('ingress'),
    egress: values.has('egress') ? values.at('egress') : key,
    dependsOn: new Map(dependsOn.map((each) => [each.tunnel, each.at])),
    healthy: new Map(dependsOn.filter((each) => each.condition === 'healthy').map((each) => [each.tunnel, each.conditionAt])),
    healthcheck: values.has('healthcheck') ? values.at('healthcheck') : null,
    command: settings.healthcheck?.probe.kind === 'command' ? (values.inner('healthcheck')?.at('command') ?? null) : null,
    env: env.places,
  };
  return ends.map(({ ingress, egress, suffix }) => ({
    base: name,
    places,
    spec: {
      name: `${name}${suffix}`,
      type,
      hosts,
      client,
      ingress,
      egress,
      dependsOn: dependsOn.map(({ tunnel, condition }) => ({ tunnel, condition })),
      env: env.templates,
      ...settings,
    },
  }));
}

function reportMissing({ name, key, values, problems }: TunnelRequest, type: TunnelType | undefined): void {
  const wanted = ['type', 'host', 'ingress', ...(type && isProxy(type) ? [] : ['egress'])];
  const missing = wanted.filter((each) => !values.has(each));
  // A tunnel without a type may be a proxy: then the egress is not missed.
  const told = values.has('type') && !type ? missing.filter((each) => each !== 'egress') : missing;
  if (told.length === 0) return;
  const list = told.length === 1 ? told[0] : `${told.slice(0, -1).join(', ')} and ${told.at(-1)}`;
  const hint = told.includes('type') ? 'type is local, remote, dynamic or remote-dynamic' : null;
  problems.add({ code: 'schema', message: `tunnel "${name}" has no ${list}`, at: key, hint });
}

/** In the order they are tried; one that is named twice, by whatever name, once. */
function hostsOf({ values, refer, problems }: TunnelRequest, launched: boolean): HostName[] {
  const hosts: HostName[] = [];
  for (const item of values.items('host') ?? []) {
    const host = typeof item.value === 'string' ? refer(item.value, item.span, launched) : null;
    if (host === null) continue;
    if (hosts.includes(host)) {
      const message = `"${host}" is in the list twice`;
      problems.add({ code: 'schema', message, at: item.span, hint: 'the hosts of a list are tried in order: name each once' });
    } else hosts.push(host);
  }
  return hosts;
}

/** Null where it names no machine. */
function clientOf(values: Values, refer: TunnelRequest['refer']): HostName | null {
  const text = values.text('client');
  if (text === undefined) return values.has('client') ? null : THIS_MACHINE;
  return text === THIS_MACHINE ? THIS_MACHINE : refer(text, values.at('client'));
}

interface DependencyDraft extends Dependency {
  readonly at: Span;
  readonly conditionAt: Span;
}

function dependencies(values: Values): DependencyDraft[] {
  const node = values.node('depends_on');
  if (node?.kind === 'map') {
    const inner = values.inner('depends_on');
    return [...node.entries].map(([tunnel, { key }]) => {
      const own = inner?.inner(tunnel);
      const condition = own?.choice('condition', ['open', 'healthy']) ?? 'open';
      return { tunnel, condition, at: key, conditionAt: own?.at('condition') ?? key };
    });
  }
  return (values.items('depends_on') ?? []).map((item) => ({
    tunnel: String(item.value),
    condition: 'open',
    at: item.span,
    conditionAt: item.span,
  }));
}

/** Of what is looked at again and again: less would keep the process busy for nothing. */
const SHORTEST_MS = 100;

type Settings = Omit<TunnelSpec, 'name' | 'type' | 'hosts' | 'client' | 'ingress' | 'egress' | 'dependsOn' | 'env'>;

function settingsOf(values: Values, place: CommandPlace): Settings {
  const { problems } = place;
  return {
    launch: values.choice('launch', ['relay', 'ssh']) ?? 'relay',
    expose: values.flag('expose') ?? false,
    allow: networks(values, problems),
    allowTargets: values.texts('allow_targets') ?? [],
    profiles: values.texts('profiles') ?? [],
    healthcheck: healthcheckOf(values.inner('healthcheck'), place),
    start: values.choice('start', ['eager', 'on-demand']) ?? 'eager',
    idleTimeoutMs: values.duration('idle_timeout', { least: SHORTEST_MS }) ?? 300_000,
    parkMs: values.duration('park') ?? 10_000,
    drainMs: values.duration('drain') ?? 10_000,
    onConflict: values.choice('on_conflict', ['fail', 'wait', 'next']) ?? 'fail',
    maxConnections: values.number('max_connections') ?? 1024,
    socketMode: socketMode(values, problems),
  };
}

/** Octal, whether it is quoted or not: YAML 1.2 would read 0600 as six hundred. */
function socketMode(values: Values, problems: Problems): number {
  const written = values.written('socket_mode');
  if (written === undefined) return 0o600;
  const digits = written.replace(/^0o/, '');
  const mode = /^[0-7]{1,4}$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
  if (mode <= 0o777) return mode;
  problems.add({
    code: 'schema',
    message: `socket_mode must be a file mode in octal, such as 0600, not ${written}`,
    at: values.at('socket_mode'),
  });
  return 0o600;
}

function networks(values: Values, problems: Problems): readonly string[] {
  return (values.items('allow') ?? []).flatMap((item) => {
    const text = String(item.value);
    if (isNetwork(text)) return [text];
    problems.add({ code: 'schema', message: `${text} is no address and no network such as 10.0.0.0/8`, at: item.span });
    return [];
  });
}

function isNetwork(text: string): boolean {
  const [address = '', bits] = text.split('/');
  const family = isIP(address);
  if (family === 0) return false;
  if (bits === undefined) return true;
  try {
    new BlockList().addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4');
    return true;
  } catch {
    return false;
  }
}

function healthcheckOf(values: Values | undefined, place: CommandPlace): Healthcheck | null {
  if (!values) return null;
  const [http, command] = [values.text('http'), commandOf(values, place)];
  return {
    probe: http !== undefined ? { kind: 'http', path: http } : command ? { kind: 'command', command } : { kind: 'tcp' },
    intervalMs: values.duration('interval', { least: SHORTEST_MS }) ?? 10_000,
    timeoutMs: values.duration('timeout', { least: 1 }) ?? 1000,
    retries: values.number('retries') ?? 3,
    startPeriodMs: values.duration('start_period') ?? 0,
  };
}
