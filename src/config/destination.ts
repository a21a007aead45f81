/** A host as it is typed: `bastion`, `deploy@bastion:2222`, `ssh://deploy@bastion:2222`, `[::1]:22`. */
import { err, ok, type Result } from '../core/result.ts';

export interface Destination {
  readonly host: string;
  readonly user: string | null;
  readonly port: number | null;
  /** What sets it apart from the same place reached otherwise: `+via-jump`. Empty for what is typed by hand. */
  readonly variant: string;
}

/** No leading `-`, no blanks or control characters, nothing a shell or ssh's % tokens would read (CVE-2023-51385). */
const USER = /^[A-Za-z0-9_.](?:[A-Za-z0-9_.@+\\-]*[A-Za-z0-9_.@+$-])?$/;
const HOST = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/;
const IPV6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9_.-]+)?$/;

export function parseDestination(text: string): Result<Destination, string> {
  const plain = text.startsWith('ssh://') ? text.slice('ssh://'.length).replace(/\/$/, '') : text;
  const plus = plain.indexOf('+', plain.lastIndexOf('@') + 1);
  const variant = plus < 0 ? '' : plain.slice(plus);
  const place = plus < 0 ? plain : plain.slice(0, plus);
  const at = place.lastIndexOf('@');
  const user = at < 0 ? null : place.slice(0, at);
  const rest = place.slice(at + 1);
  const bracketed = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(rest);
  const named = /^([^:[\]]*)(?::(\d{1,5}))?$/.exec(rest);
  const [, host = rest, digits] = bracketed ?? named ?? [];
  const port = digits === undefined ? null : Number(digits);
  if (user !== null && !USER.test(user)) return err(`"${user}" is no user name`);
  if (!(bracketed || !named ? IPV6 : HOST).test(host)) return err(`"${host}" is no host name or address`);
  if (port !== null && (port > 65535 || port === 0)) return err(`${port} is no port`);
  if (!/^(?:\+[A-Za-z0-9_.-]+)*$/.test(variant)) return err(`"${text}" is no host`);
  return ok({ host, user, port, variant });
}

export function formatDestination({ host, user, port, variant }: Destination): string {
  const bracketed = host.includes(':') && port !== null ? `[${host}]` : host;
  return `${user === null ? '' : `${user}@`}${bracketed}${port === null ? '' : `:${port}`}${variant}`;
}
