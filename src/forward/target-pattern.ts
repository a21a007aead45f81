/** `allow_targets`: which targets the clients of a proxy may ask for. */
import { BlockList, isIP } from 'node:net';
import type { TcpAddress } from '../core/address.ts';
import { err, ok, type Result } from '../core/result.ts';
import { addCidr } from './allowed-sources.ts';
import { canonicalHost } from './canonical-host.ts';

export type TargetRule = (target: TcpAddress) => boolean;

/** Any of the patterns; an empty list allows all. One that cannot be read allows nothing. */
export function compileTargets(patterns: readonly string[]): TargetRule {
  if (patterns.length === 0) return () => true;
  const rules = patterns.flatMap((text) => {
    const rule = parseTargetPattern(text);
    return rule.ok ? [rule.value] : [];
  });
  return (target) => rules.some((rule) => rule(target));
}

/**
 * `host:port`. The host is a name or address with `*` for any run of characters, or a CIDR (`10.0.0.0/8`, `[fd00::/8]`), which only
 * addresses match: a name is resolved at the far end, so what it stands for is not known here. The port is a number, a range
 * `8000-8100`, or `*`. Names match without regard to case or a final dot.
 */
export function parseTargetPattern(text: string): Result<TargetRule, string> {
  const bracketed = /^\[([^\]]+)\]:([^:]+)$/.exec(text);
  const plain = /^([^:[\]]+):([^:]+)$/.exec(text);
  const [, host = '', ports = ''] = bracketed ?? plain ?? [];
  if (host === '') return err('is not host:port (write IPv6 as [::1]:443, and any port as host:*)');
  const port = parsePorts(ports);
  if (!port.ok) return port;
  const name = parseHost(host);
  if (!name.ok) return name;
  return ok((target) => port.value(target.port) && name.value(canonicalHost(target.host)));
}

function parseHost(text: string): Result<(host: string) => boolean, string> {
  if (text.includes('/') || isIP(text) !== 0) {
    const list = new BlockList();
    if (!addCidr(list, text)) return err(`has "${text}", which is no CIDR`);
    return ok((host) => {
      const family = isIP(host);
      return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4');
    });
  }
  if (!/^[A-Za-z0-9_.*-]+$/.test(text)) return err(`has a host "${text}" that is no name, address or CIDR`);
  return ok(glob(canonicalHost(text)));
}

/** Compared piece by piece, not as a regular expression: patterns must not be able to make matching slow. */
function glob(pattern: string): (text: string) => boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return (text) => text === first;
  return (text) => {
    if (!text.startsWith(first)) return false;
    let at = first.length;
    for (const piece of rest) {
      const found = text.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return text.length - last.length >= at && text.endsWith(last);
  };
}

function parsePorts(text: string): Result<(port: number) => boolean, string> {
  if (text === '*') return ok(() => true);
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1] ?? Number.NaN);
  const last = Number(match?.[2] ?? first);
  if (!(first >= 1 && last <= 65535 && first <= last)) return err(`has a port "${text}" that is no port, range or *`);
  return ok((port) => port >= first && port <= last);
}
