/** What stands after -L, -R and -D (ssh(1)): `[bind:]port:host:hostport`, with a socket's path for either end. */
import { err, ok, type Result } from '../core/result.ts';
import type { TunnelType } from '../core/spec.ts';

/** A part of a text, with its place in it. */
export interface Part {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export interface Forward {
  readonly type: TunnelType;
  readonly ingress: Part;
  readonly egress: Part | null;
}

export interface ForwardError {
  readonly message: string;
  readonly start: number;
  readonly end: number;
}

/** `wide`: ssh's -g, an ingress without an address listens on all. */
export function parseForward(letter: 'L' | 'R' | 'D', spec: Part, wide: boolean): Result<Forward, ForwardError> {
  const parts = splitColons(spec);
  const wrong = (says: string): Result<Forward, ForwardError> =>
    err({ message: `-${letter} ${spec.text} ${says}`, start: spec.start, end: spec.end });
  if (parts === null) return wrong('has a bracket that is not closed');
  const isDigits = (part: Part | undefined): boolean => /^\d+(-\d+)?$/.test(part?.text ?? '');
  if (letter === 'D' || (letter === 'R' && parts.length <= 2 && isDigits(parts.at(-1)))) {
    if (parts.length > 2 || !isDigits(parts.at(-1))) return wrong('is not [address:]port');
    const ingress = listenAt(parts, wide && letter === 'D');
    return ingress ? ok({ type: letter === 'D' ? 'dynamic' : 'remote-dynamic', ingress, egress: null }) : wrong('is not [address:]port');
  }
  const form = 'is not [address:]port:host:hostport';
  const last = parts.at(-1);
  const taken = last?.text.startsWith('/') ? 1 : 2;
  const egress = join(parts.slice(-taken));
  const ingress = listenAt(parts.slice(0, -taken), wide && letter === 'L');
  if (!ingress || !egress || parts.slice(-taken).some((part) => part.text === '') || parts.length <= taken) return wrong(form);
  return ok({ type: letter === 'L' ? 'local' : 'remote', ingress, egress });
}

function listenAt(parts: readonly Part[], wide: boolean): Part | null {
  const [first, port] = parts;
  if (!first || parts.length > 2) return null;
  if (!port) return wide && !first.text.startsWith('/') ? { ...first, text: `*:${first.text}` } : first.text === '' ? null : first;
  if (first.text.startsWith('/') || port.text === '') return null;
  return { text: `${first.text === '' ? '*' : first.text}:${port.text}`, start: first.start, end: port.end };
}

function join(parts: readonly Part[]): Part | null {
  const [first, last] = [parts[0], parts.at(-1)];
  return first && last ? { text: parts.map((part) => part.text).join(':'), start: first.start, end: last.end } : null;
}

/** At the colons outside brackets; null where a bracket is not closed. */
function splitColons(spec: Part): Part[] | null {
  const parts: Part[] = [];
  let from = 0;
  let open = false;
  for (let at = 0; at <= spec.text.length; at += 1) {
    const char = spec.text[at];
    if (char === '[') open = true;
    if (char === ']') open = false;
    if (at < spec.text.length && (char !== ':' || open)) continue;
    parts.push({ text: spec.text.slice(from, at), start: spec.start + from, end: spec.start + at });
    from = at + 1;
  }
  return open ? null : parts;
}
