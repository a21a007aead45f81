/** Every host that is listed, named by a tunnel, or on the way to one of them. */
import { isIP } from 'node:net';
import { formatAddress } from '../core/address.ts';
import { THIS_MACHINE, type HostName, type HostSpec } from '../core/spec.ts';
import { formatDestination, parseDestination, type Destination } from './destination.ts';
import { didYouMean } from './did-you-mean.ts';
import { hostSpec } from './host-spec.ts';
import { emptyMap, type Entry, type MapNode, type Node } from './node.ts';
import { expandPath, type Directories } from './paths.ts';
import type { Problems } from './problems.ts';
import type { FoundCommand } from './project-commands.ts';
import type { Span } from './source.ts';
import type { SshConfigAnswer, SshConfigLookup } from './ssh-config.ts';
import { checkConfigFile } from './ssh-config-file.ts';
import { reportUnsupported } from './unsupported.ts';
import { Values, withDefaults } from './values.ts';

export interface HostsRequest {
  readonly listed: ReadonlyMap<HostName, Entry>;
  readonly defaults: Node | undefined;
  readonly lookup: SshConfigLookup;
  readonly directories: Directories;
  /** $HOME, where it is set. */
  readonly home: string | null;
  readonly localUser: string;
  readonly problems: Problems;
}

const NOTHING: SshConfigAnswer = { status: 'answered', matched: false, settings: {} };

export class Hosts {
  readonly specs = new Map<HostName, HostSpec>();
  /** Where each is listed, or else first named. */
  readonly places = new Map<HostName, Span>();
  /** That print secrets of theirs. */
  readonly commands: FoundCommand[] = [];
  readonly #request: HostsRequest;
  readonly #problems: Problems;
  readonly #references = new Map<HostName, Span[]>();
  readonly #matched = new Set<HostName>();
  /** From here, that is: by this process, with the names and the ssh_config of this machine. */
  readonly #dialled = new Set<HostName>();
  readonly #checkedFiles = new Map<string, ReturnType<typeof checkConfigFile>>();

  constructor(request: HostsRequest) {
    this.#request = request;
    this.#problems = request.problems;
    for (const [name, entry] of request.listed) this.places.set(name, entry.key);
  }

  /** The host a text means, by its one name; remembered, to be looked up. Null where it means none. */
  refer(text: string, at: Span, launched = false): HostName | null {
    if (text === THIS_MACHINE) {
      this.#problems.add({ code: 'schema', message: 'client is this machine, no host', at, hint: 'name the host that is logged in to' });
      return null;
    }
    const name = this.#canonical(text, at);
    if (name === null) return null;
    const references = this.#references.get(name);
    if (references) references.push(at);
    else this.#references.set(name, [at]);
    if (!launched) this.#dialled.add(name);
    if (!this.places.has(name)) this.places.set(name, at);
    return name;
  }

  /** Looks up all that are listed or were referred to, and the hops between. */
  async resolve(): Promise<void> {
    let wave = [...new Set([...this.#request.listed.keys(), ...this.#references.keys()])];
    const unknown: HostName[] = [];
    while (wave.length > 0) {
      const found = await Promise.all(wave.map((name) => this.#one(name)));
      for (const { spec, isKnown } of found) {
        this.specs.set(spec.name, spec);
        if (!isKnown) unknown.push(spec.name);
      }
      wave = [...this.#references.keys()].filter((name) => !this.specs.has(name));
    }
    for (const name of unknown) this.#reportUnknown(name);
  }

  #canonical(text: string, at: Span): HostName | null {
    if (this.#request.listed.has(text)) return text;
    const parsed = parseDestination(text);
    if (!parsed.ok) {
      this.#problems.add({ code: 'schema', message: parsed.error, at });
      return null;
    }
    const { host, user, port, variant } = parsed.value;
    const listed = this.#map(host);
    // What only repeats the listed host is that host, and shares its connection.
    if (listed && variant === '') {
      const values = new Values(listed, this.#problems);
      if ((user === null || user === values.text('user')) && (port === null || port === values.number('port'))) return host;
    }
    return formatDestination(parsed.value);
  }

  #map(name: HostName): MapNode | undefined {
    const entry = this.#request.listed.get(name);
    if (!entry) return undefined;
    return entry.value.kind === 'map' ? entry.value : emptyMap(entry.key);
  }

  async #one(name: HostName): Promise<{ spec: HostSpec; isKnown: boolean }> {
    const { defaults, directories, localUser } = this.#request;
    const destination = destinationOf(name);
    const own = this.#map(name);
    const base = destination.host === name ? undefined : this.#map(destination.host);
    const listed = withDefaults(own ?? emptyMap(this.#at(name)), base);
    const values = new Values(withDefaults(listed, defaults), this.#problems);
    reportUnsupported('host', values, this.#problems);
    const isOnlyLaunched = own === undefined && !this.#dialled.has(name);
    const answer = isOnlyLaunched ? NOTHING : await this.#ask(name, destination.host, values);
    const settings = answer.status === 'answered' ? answer.settings : {};
    if (answer.status === 'answered' && answer.matched) this.#matched.add(destination.host);
    const isKnown =
      own !== undefined ||
      base !== undefined ||
      isOnlyLaunched ||
      answer.status !== 'answered' ||
      answer.matched ||
      destination.user !== null ||
      destination.host.includes('.') ||
      isIP(destination.host) !== 0 ||
      destination.host === 'localhost';
    const via = this.#via(name, { values, own: listed, proxyJump: settings.proxyJump });
    this.#refuseSettings(name, settings, values);
    const spec = hostSpec({ name, destination, values, settings, via, directories, localUser, problems: this.#problems });
    this.#noteCommands(spec, values);
    return { isKnown, spec };
  }

  #noteCommands(spec: HostSpec, values: Values): void {
    const account = `${spec.user}@${formatAddress({ kind: 'tcp', host: spec.hostname, port: spec.port })}`;
    for (const of of ['password', 'passphrase'] as const) {
      const source = spec[of];
      const inner = values.inner(of);
      if (source && 'command' in source && inner)
        this.commands.push({ name: spec.name, argv: source.command.argv, use: { of, account }, at: inner.at('command') });
    }
  }

  #at(name: HostName): Span {
    return this.places.get(name) as Span;
  }

  #via(
    name: HostName,
    { values, own, proxyJump }: { readonly values: Values; readonly own: MapNode; readonly proxyJump: string | undefined },
  ): HostName[] {
    if (values.has('via')) {
      const hops = (values.items('via') ?? []).flatMap((item) => this.refer(String(item.value), item.span) ?? []);
      // A default way for all is none for those it leads through.
      return !own.entries.has('via') && hops.includes(name) ? [] : hops;
    }
    return (proxyJump ?? '').split(',').flatMap((hop) => (hop === '' ? [] : (this.refer(hop, this.#at(name)) ?? [])));
  }

  async #ask(name: HostName, lookedUp: string, values: Values): Promise<SshConfigAnswer> {
    const { directories, home, lookup } = this.#request;
    const wanted = values.flag('ssh_config') === false ? null : (values.text('ssh_config') ?? '');
    if (wanted === null) return NOTHING;
    const file = wanted === '' ? null : expandPath(wanted, directories);
    if (file !== null) {
      const checked = this.#checkedFiles.get(file) ?? checkConfigFile(file, { shown: wanted, home: directories.home });
      this.#checkedFiles.set(file, checked);
      const result = await checked;
      if (!result.ok) {
        this.#problems.add({ ...result.error, at: values.at('ssh_config') });
        return { status: 'failed', message: '' };
      }
    }
    const answer = await lookup({ name: lookedUp, file, home });
    if (answer.status === 'failed') this.#problems.add({ code: 'schema', message: `ssh_config: ${answer.message}`, at: this.#at(name) });
    if (answer.status === 'no-ssh') {
      const message = 'there is no ssh on this machine, so ssh_config is not read';
      this.#problems.add({
        code: 'file-missing',
        severity: 'warning',
        message,
        at: null,
        hint: 'install the OpenSSH client, or list the hosts here',
      });
    }
    return answer;
  }

  /** What ssh_config asks for and is not built: told here, since connecting without it would fail less clearly. */
  #refuseSettings(
    name: HostName,
    settings: { readonly proxyCommand?: string; readonly certificateFiles?: readonly string[] },
    values: Values,
  ): void {
    const refuse = (keyword: string, hint: string): void =>
      this.#problems.add({
        code: 'unsupported',
        message: `not supported yet: ${keyword}, which ssh_config has for "${name}"`,
        at: this.#at(name),
        hint,
      });
    if (settings.proxyCommand !== undefined && !values.has('via'))
      refuse('ProxyCommand', 'say how to reach it with via, or write ssh_config: false');
    if ((settings.certificateFiles ?? []).length > 0)
      refuse('CertificateFile', 'write ssh_config: false, and an identity_file the host takes by itself');
  }

  #reportUnknown(name: HostName): void {
    const { host } = destinationOf(name);
    const candidates = [...this.#request.listed.keys(), ...this.#matched];
    const hint = didYouMean(host, candidates) ?? 'list it under hosts, or in ~/.ssh/config';
    for (const at of this.#references.get(name) ?? [])
      this.#problems.add({ code: 'unknown-host', message: `unknown host "${host}"`, at, hint });
  }
}

function destinationOf(name: HostName): Destination {
  const parsed = parseDestination(name);
  return parsed.ok ? parsed.value : { host: name, user: null, port: null, variant: '' };
}
