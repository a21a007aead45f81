/** Who may log in to an embedded server. */
import { timingSafeEqual } from 'node:crypto';
import ssh2, { type AuthContext, type AuthenticationType, type PublicKeyAuthContext } from 'ssh2';
import { parsePublicLine } from './public-key.ts';

/** Where nothing is said, nobody. */
export interface Admission {
  /** Lines of authorized_keys, without options. */
  readonly authorizedKeys?: readonly string[];
  readonly password?: string;
  /** Lets everybody in. */
  readonly anyone?: true;
}

export function authorizer({ authorizedKeys = [], password, anyone }: Admission): (context: AuthContext) => void {
  const keys = authorizedKeys.flatMap((line) => parsePublicLine(line) ?? []);
  const methods: AuthenticationType[] = [
    ...(keys.length > 0 ? ['publickey' as const] : []),
    ...(password === undefined ? [] : ['password' as const]),
  ];
  const allows = (context: AuthContext): boolean => {
    if (anyone) return true;
    if (context.method === 'password') return password !== undefined && sameText(context.password, password);
    return context.method === 'publickey' && keys.some(({ blob }) => blob.equals(context.key.data)) && signatureHolds(context);
  };
  return (context) => {
    if (allows(context)) context.accept();
    else context.reject(methods);
  };
}

/** A key without a signature is a question whether it would do (RFC 4252 §7). */
function signatureHolds({ key, blob, signature, hashAlgo }: PublicKeyAuthContext): boolean {
  if (!signature || !blob) return true;
  const parsed = ssh2.utils.parseKey(key.data);
  return !(parsed instanceof Error) && parsed.verify(blob, signature, hashAlgo) === true;
}

function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
