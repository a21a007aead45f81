/** The addresses of a tunnel: its ingress and its egress, ranges written out. */
import { isLoopback, isWildcard, parseAddress, type Address, type AddressRange } from '../core/address.ts';
import { isProxy, listensOnHost, THIS_MACHINE, type TunnelType } from '../core/spec.ts';
import { expandPath, type Directories } from './paths.ts';
import type { Problems } from './problems.ts';
import type { Values } from './values.ts';

export interface Ends {
  readonly ingress: Address;
  readonly egress: Address | null;
  /** Of the name of one tunnel of a range: `-9000`. */
  readonly suffix: string;
}

export interface AddressContext {
  readonly type: TunnelType;
  readonly client: string;
  readonly directories: Directories;
  readonly problems: Problems;
}

/** More tunnels of one range are a slip of the keyboard. */
const MAX_RANGE = 1000;

/** Empty after a problem was reported. */
export function resolveEnds(values: Values, context: AddressContext): readonly Ends[] {
  const { type, problems } = context;
  const ingress = read(values, 'ingress', context);
  const egress = isProxy(type) ? null : read(values, 'egress', context);
  const exposes = ingress?.address.kind === 'tcp' && !isLoopback(ingress.address.host);
  const refused = values.has('expose') && !values.node('expose');
  if (exposes && values.flag('expose') !== true && !refused) {
    const message = `other machines can connect to ${values.written('ingress')}`;
    problems.add({ code: 'exposed', message, at: values.at('ingress'), hint: 'if that is meant, write expose: true' });
  }
  if (isProxy(type) && values.has('egress')) {
    const message = `a ${type} tunnel has no egress: the clients of the proxy say where to`;
    problems.add({
      code: 'schema',
      message,
      at: values.map.entries.get('egress')?.key ?? values.at('egress'),
      hint: 'leave it out, or make it local or remote',
    });
  }
  if (!ingress || egress === undefined) return [];
  if (egress && egress.count !== ingress.count) {
    const message = `the egress has ${ports(egress.count)}, the ingress has ${ports(ingress.count)}`;
    problems.add({ code: 'schema', message, at: values.at('egress'), hint: 'both ranges must be of one length' });
    return [];
  }
  return Array.from({ length: ingress.count }, (_, index) => ({
    ingress: nth(ingress, index),
    egress: egress && nth(egress, index),
    suffix: ingress.count === 1 ? '' : `-${(nth(ingress, index) as { port: number }).port}`,
  }));
}

const ports = (count: number): string => (count === 1 ? 'one port' : `${count} ports`);

const nth = ({ address }: AddressRange, index: number): Address =>
  address.kind === 'tcp' ? { ...address, port: address.port + index } : address;

function read(values: Values, key: 'ingress' | 'egress', context: AddressContext): AddressRange | undefined {
  const written = values.written(key);
  if (written === undefined) return undefined;
  const { problems } = context;
  const wrong = (message: string, hint?: string): undefined =>
    problems.add({ code: 'schema', message, at: values.at(key), hint }) as undefined;
  const parsed = parseAddress(written, 'localhost');
  if (!parsed.ok) return wrong(`${key} ${written} ${parsed.error}`, hintFor(written));
  const { address, count } = parsed.value;
  if (count > MAX_RANGE) return wrong(`${key} ${written} has more than ${MAX_RANGE} ports`);
  if (address.kind === 'tcp') {
    if (key === 'egress' && isWildcard(address.host))
      return wrong(`${key} ${written} is no place to connect to`, `write localhost:${address.port}`);
    return parsed.value;
  }
  if (!address.path.startsWith('~/')) return parsed.value;
  const onHost = (key === 'ingress') === listensOnHost(context.type);
  // Whose home ~ is on another machine, only its shell knows.
  if (onHost || context.client !== THIS_MACHINE)
    return wrong(`${key} ${written}: ~ means nothing on another machine`, 'write the whole path');
  return { address: { kind: 'unix', path: expandPath(address.path, context.directories) }, count: 1 };
}

function hintFor(written: string): string | undefined {
  if (written.includes('://')) return 'write host:port, without the rest of the URL';
  return /^[^/]*\.sock$/.test(written) ? 'a socket is a path that begins with / or ~/' : undefined;
}
