/** The graph for a terminal, in plain ASCII so that it survives every log and mail. */
import type { GraphView, Leg, TunnelPath } from './graph-view.ts';
import { counted } from './quantity.ts';
import { table } from './table.ts';

const ARROW = { ssh: '==ssh==>', plain: '--tcp-->', inside: '-->' } as const;

export function graphAscii(view: GraphView): string {
  const hosts = view.machines.length - 1;
  const lines = [`${view.project}: ${counted(hosts, 'host')}, ${counted(view.tunnels.length, 'tunnel')}`, ''];
  lines.push(
    'Machines',
    ...indent(
      table(
        view.machines.map(({ name, what }) => [name, what]),
        { width: null },
      ),
    ),
    '',
  );
  if (view.connections.length > 0) lines.push('SSH connections', ...view.connections.map(({ path }) => `  ${path.join(' ==ssh==> ')}`), '');
  lines.push('Tunnels');
  for (const tunnel of view.tunnels) lines.push(...block(tunnel));
  lines.push('Order');
  lines.push(
    ...indent(
      table(
        view.order.map((wave, index) => [`${index + 1}.`, wave.join(', ')]),
        { width: null },
      ),
    ),
  );
  const told = view.edges.filter((edge) => edge.why !== 'host' && edge.why !== 'client');
  if (told.length > 0)
    lines.push(
      '',
      'Why',
      ...indent(
        table(
          told.map(({ from, to, reason }) => [from, 'needs', to, reason]),
          { width: null },
        ),
      ),
    );
  return `${lines.join('\n')}\n`;
}

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

function block(tunnel: TunnelPath): string[] {
  const { ingress, egress } = tunnel;
  const proxy = egress.address === null ? 'SOCKS and HTTP proxy: what its client asks for' : egress.address;
  const joined = egress.tunnel === null ? '' : `  (= the ingress of ${egress.tunnel})`;
  const launched = tunnel.launchedOn === null ? '' : `, an ssh process on ${tunnel.launchedOn}`;
  return [
    `  ${tunnel.name}  ${tunnel.type}, like ssh ${tunnel.like}${launched}`,
    `    ingress  on ${ingress.machine}: [${ingress.address}]  <- ${ingress.machine} opens this port`,
    `    egress   from ${egress.machine}: ${proxy}${joined}`,
    `    way      ${way(tunnel)}`,
    ...tunnel.unprotected.map((text) => `    !!       ${text}`),
    '',
  ];
}

const way = ({ ingress, legs }: TunnelPath): string =>
  legs.reduce((text, leg: Leg) => `${text} ${ARROW[leg.over]} ${leg.to}`, `${ingress.machine} [${ingress.address}]`);
