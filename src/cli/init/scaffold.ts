/** A first tunnels.yaml, with what each line means beside it. */

export const KINDS = ['local', 'remote', 'dynamic', 'double'] as const;
export type Kind = (typeof KINDS)[number];

export interface ScaffoldHost {
  readonly name: string;
  /** Null: ~/.ssh/config knows it by its name, and the file need not say more. */
  readonly hostname: string | null;
  /** Null: whatever ssh_config says, else the login name. */
  readonly user: string | null;
}

export interface Scaffold {
  readonly kind: Kind;
  readonly project: string;
  readonly host: ScaffoldHost;
  /** Only of `double`: the host behind the first. */
  readonly inner: ScaffoldHost;
  readonly ingress: string;
  /** Ignored for `dynamic`, whose clients name the target. */
  readonly egress: string;
}

export const DEFAULTS: Readonly<Record<Kind, Pick<Scaffold, 'ingress' | 'egress'>>> = {
  local: { ingress: '8080', egress: 'web-server:80' },
  remote: { ingress: '8080', egress: 'localhost:3000' },
  dynamic: { ingress: '1080', egress: '' },
  double: { ingress: '7999', egress: 'git-server:7999' },
};

export const WORDS: Readonly<Record<Kind, string>> = {
  local: 'a port here comes out at the host, or past it (ssh -L)',
  remote: 'a port of the host comes out here (ssh -R)',
  dynamic: 'a SOCKS and HTTP proxy here whose connections come out at the host (ssh -D)',
  double: 'two in a row: through one host to another behind it',
};

const SCHEMA = './node_modules/tunnels/schema/tunnels.schema.json';
/** Where the halves of a double tunnel meet, on the first host. */
const MEETING = '2999';

export function scaffold(options: Scaffold): string {
  const { kind, project, host, inner } = options;
  const hosts = kind === 'double' ? [hostLines(host, null), hostLines(inner, host.name)] : [hostLines(host, null)];
  return `${[
    `# yaml-language-server: $schema=${SCHEMA}`,
    '# tunnels config checks this file, tunnels up brings it up, saving it reloads it.',
    `name: ${scalar(project)}`,
    '',
    'hosts: # one that is not listed is looked up in ~/.ssh/config by its name',
    ...hosts.flatMap((lines) => lines.map((line) => `  ${line}`)),
    '',
    'tunnels:',
    ...TUNNELS[kind](options).map((line) => (line === '' ? '' : `  ${line}`)),
  ].join('\n')}\n`;
}

function hostLines({ name, hostname, user }: ScaffoldHost, via: string | null): readonly string[] {
  const lines = [
    hostname === null ? '' : `hostname: ${scalar(hostname)}`,
    user === null ? '# user: deploy # default: as ssh has it' : `user: ${scalar(user)}`,
    via === null ? '' : `via: ${scalar(via)} # ProxyJump: ${via} sees only encrypted bytes`,
  ].filter((line) => line !== '');
  const isKnown = hostname === null && user === null && via === null;
  const head = `${scalar(name)}:${isKnown ? ' {}' : ''}`;
  return [isKnown ? `${head} # as in ~/.ssh/config` : head, ...(isKnown ? [] : lines.map((line) => `  ${line}`))];
}

const TUNNELS: Readonly<Record<Kind, (options: Scaffold) => readonly string[]>> = {
  local: ({ host, ingress, egress }) => [
    `web: # as: ssh -N -L ${ingress}:${egress} ${host.name}`,
    '  type: local',
    `  host: ${scalar(host.name)}`,
    `  ingress: ${address(ingress)} # where it listens, on this machine`,
    `  egress: ${address(egress)} # where its connections come out, dialled from ${host.name}`,
  ],
  remote: ({ host, ingress, egress }) => [
    `web: # as: ssh -N -R ${ingress}:${egress} ${host.name}`,
    '  type: remote',
    `  host: ${scalar(host.name)}`,
    `  ingress: ${address(ingress)} # where it listens, on ${host.name}; only its own users reach it unless expose: true`,
    `  egress: ${address(egress)} # where its connections come out, dialled from this machine`,
  ],
  dynamic: ({ host, ingress }) => [
    `proxy: # as: ssh -N -D ${ingress} ${host.name}`,
    '  type: dynamic # SOCKS4, 4a, 5 and HTTP CONNECT on one port; names resolve at the far end',
    `  host: ${scalar(host.name)}`,
    `  ingress: ${address(ingress)} # where the proxy listens, on this machine`,
  ],
  double: ({ host, inner, ingress, egress }) => [
    `inner: # the far half: it listens on ${host.name}`,
    '  type: local',
    `  client: ${scalar(host.name)}`,
    `  host: ${scalar(inner.name)}`,
    `  ingress: ${MEETING}`,
    `  egress: ${address(egress)} # dialled from ${inner.name}`,
    '',
    `outer: # the near half: from this machine to ${host.name}. It waits for inner, because its egress is inner's ingress`,
    '  type: local',
    `  host: ${scalar(host.name)}`,
    `  ingress: ${address(ingress)}`,
    `  egress: localhost:${MEETING}`,
  ],
};

/** Plain where YAML takes it for a string, else in quotes: JSON's are YAML's. */
const scalar = (text: string): string =>
  /^[A-Za-z][A-Za-z0-9_.-]*$/.test(text) && !/^(?:true|false|yes|no|on|off|null|y|n)$/i.test(text) ? text : JSON.stringify(text);

const address = (text: string): string =>
  /^(?:\d+|[A-Za-z0-9][A-Za-z0-9_.-]*:\d+|\/[A-Za-z0-9_./-]+)$/.test(text) ? text : JSON.stringify(text);
