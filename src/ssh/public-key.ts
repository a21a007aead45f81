/** SSH public keys as bytes (RFC 4253 §6.6): their type, their fingerprint, and the one-line text form of .pub files. */
import { createHash } from 'node:crypto';

export interface PublicKey {
  /** `ssh-ed25519`, `ssh-rsa`, `ecdsa-sha2-nistp256`, `sk-…`, `…-cert-v01@openssh.com`. */
  readonly type: string;
  readonly blob: Buffer;
  readonly comment: string;
}

/** `SHA256:…` without padding, as ssh-keygen -l prints it. */
export const fingerprint = (blob: Buffer): string => `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;

/** The type a key blob names itself, or null for bytes that are no key. */
export function blobType(blob: Buffer): string | null {
  if (blob.length < 4) return null;
  const length = blob.readUInt32BE(0);
  if (length === 0 || length > 64 || blob.length < 4 + length) return null;
  const type = blob.toString('latin1', 4, 4 + length);
  return /^[a-z0-9@.-]+$/.test(type) ? type : null;
}

/** `TYPE BASE64 [COMMENT]`; null where it is none, or where the base64 names another type than the text. */
export function parsePublicLine(line: string): PublicKey | null {
  const match = /^\s*([a-z0-9@.-]+)[ \t]+([A-Za-z0-9+/]+=*)(?:[ \t]+(.*?))?\s*$/.exec(line);
  if (!match) return null;
  const blob = Buffer.from(match[2] ?? '', 'base64');
  const type = blobType(blob);
  return type === null || type !== match[1] ? null : { type, blob, comment: match[3] ?? '' };
}

/** Keys on a hardware token (PROTOCOL.u2f): the in-process client cannot use them. */
export const isSecurityKey = (type: string): boolean => type.startsWith('sk-');
export const isCertificate = (type: string): boolean => /-cert-v\d\d@openssh\.com$/.test(type);
