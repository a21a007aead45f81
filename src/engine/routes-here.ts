/** The ways out of this machine, for noticing that they are others: the same addresses may go another way, or lose theirs. Linux only. */
import { closeSync, openSync, readSync } from 'node:fs';

/** A router's table may have a million lines: so much of it is read, and the kernel makes no more than is read. */
const MOST_BYTES = 64 * 1024;
const RTF_CACHE = 0x01000000;

/**
 * The main routing tables as one comparable text, without what the kernel counts in them. Null where the system does not tell: not Linux,
 * or no descriptor left.
 */
export function routesHere(): string | null {
  const [v4, v6] = [firstOf('/proc/net/route'), firstOf('/proc/net/ipv6_route')];
  return v4 === null ? null : routesIn(v4, v6 ?? '');
}

/** `v4` is a /proc/net/route, `v6` a /proc/net/ipv6_route (proc(5)). */
export function routesIn(v4: string, v6: string): string {
  // To one machine each leads the way to a container that has come, where there are containers.
  const rows = (text: string): string[][] => text.split('\n').map((line) => line.trim().split(/\s+/));
  const four = rows(v4).flatMap(([name, to, gateway, flags, , , metric, mask]) =>
    mask === undefined || name === 'lo' || flags === 'Flags' || mask === 'FFFFFFFF' ? [] : [`${name} ${to}/${mask} ${gateway} ${metric}`],
  );
  const six = rows(v6).flatMap(([to = '', length, , , gateway, metric, , , flags = '', name]) => {
    // Each machine has these on each link, and paths it has found out about come and go.
    const isLocal = name === 'lo' || length === '80' || /^fe[89ab]|^ff/.test(to);
    return name === undefined || isLocal || (Number.parseInt(flags, 16) & RTF_CACHE) !== 0
      ? []
      : [`${name} ${to}/${length} ${gateway} ${metric}`];
  });
  return [...four, ...six].toSorted().join('\n');
}

function firstOf(file: string): string | null {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return null;
  }
  try {
    const buffer = Buffer.allocUnsafe(MOST_BYTES);
    let size = 0;
    for (let got = -1; got !== 0 && size < buffer.length; size += got) got = readSync(fd, buffer, size, buffer.length - size, null);
    return buffer.toString('latin1', 0, size);
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}
