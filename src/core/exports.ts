/** What a tunnel tells the programs that use it: environment variables made from the ingress that was really bound. */
import { clientAddress, formatAddress, type Address } from './address.ts';
import type { TunnelSpec } from './spec.ts';

/** `git-inner` → `GIT_INNER`: upper case, everything that is no letter or digit an underscore. */
export const variableName = (tunnel: string): string => tunnel.toUpperCase().replace(/[^A-Z0-9]/g, '_');

/**
 * `TUNNEL_<NAME>_PORT` and `TUNNEL_<NAME>_ADDRESS` always, then the tunnel's own `env`, which wins. In its values `{port}`,
 * `{address}` (what a client beside the ingress connects to), `{host}` (the address as it was bound) and `{path}` are filled in;
 * any other brace is left alone. A unix socket has no port (empty) and its path is its address; a TCP ingress has no path (empty).
 */
export function tunnelExports(spec: Pick<TunnelSpec, 'name' | 'env'>, bound: Address): Record<string, string> {
  const values = placeholders(bound);
  const prefix = `TUNNEL_${variableName(spec.name)}`;
  const exports: Record<string, string> = { [`${prefix}_PORT`]: values.port, [`${prefix}_ADDRESS`]: values.address };
  for (const [name, template] of Object.entries(spec.env))
    exports[name] = template.replace(/\{(port|address|host|path)\}/g, (_, key: keyof typeof values) => values[key]);
  return exports;
}

function placeholders(bound: Address): { readonly port: string; readonly address: string; readonly host: string; readonly path: string } {
  if (bound.kind === 'unix') return { port: '', address: formatAddress(bound), host: formatAddress(bound), path: bound.path };
  return { port: String(bound.port), address: clientAddress(bound), host: bound.host, path: '' };
}
