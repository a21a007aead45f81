/** Keys of one tunnel that contradict each other, or would do nothing beside the others: said, since the user counts on them. */
import type { Address } from '../core/address.ts';
import { isProxy, listensOnHost, THIS_MACHINE, type HostName, type TunnelName, type TunnelType } from '../core/spec.ts';
import type { MapNode } from './node.ts';
import type { Problem, Problems } from './problems.ts';
import type { Values } from './values.ts';

export interface TunnelCheck {
  readonly name: TunnelName;
  /** The tunnel's own keys over those of defaults.tunnel. */
  readonly values: Values;
  /** Its own alone: a default that does nothing here was not written for it. */
  readonly own: MapNode;
  /** Undefined where it could not be read. */
  readonly type: TunnelType | undefined;
  /** Null where it names no machine. */
  readonly client: HostName | null;
  readonly ingress: Address | null;
  readonly problems: Problems;
}

export function checkTunnel(check: TunnelCheck): void {
  checkLaunch(check);
  checkTargets(check);
  checkHealthcheck(check);
  checkStart(check);
  checkSocketMode(check);
}

type Words = Pick<Problem, 'message' | 'hint' | 'severity'>;

/** At the key, where it is there and no problem of its own was found. */
function report({ values, problems }: TunnelCheck, key: string, words: Words): void {
  if (values.node(key)) problems.add({ code: 'schema', at: values.map.entries.get(key)?.key ?? values.at(key), ...words });
}

function checkLaunch(check: TunnelCheck): void {
  if (check.values.text('launch') !== 'ssh') return;
  if (check.client === THIS_MACHINE)
    report(check, 'launch', { message: 'launch: ssh needs a client: the host that runs it', hint: 'write client: HOST' });
  for (const key of ['allow', 'allow_targets'])
    report(check, key, { message: `${key} has no effect with launch: ssh: this process accepts nothing there` });
}

function checkTargets(check: TunnelCheck): void {
  if (!check.type || isProxy(check.type)) return;
  const message = `allow_targets is for the proxies, and this tunnel is ${check.type}`;
  report(check, 'allow_targets', { message, hint: 'leave it out: the egress is the only target' });
}

const PROBES = ['tcp', 'http', 'command'];

function checkHealthcheck({ values, type, problems }: TunnelCheck): void {
  const healthcheck = values.inner('healthcheck');
  if (!healthcheck) return;
  const probes = PROBES.filter((probe) => healthcheck.has(probe));
  if (probes.length !== 1) {
    const message = `healthcheck has ${probes.length === 0 ? 'none' : 'more than one'} of tcp, http and command`;
    const hint = 'write tcp: true or http: /PATH';
    problems.add({ code: 'schema', message, at: values.at('healthcheck'), hint: probes.length === 0 ? hint : 'keep one' });
  }
  if (type && isProxy(type) && healthcheck.node('http')) {
    const message = `healthcheck: http asks the egress, and a ${type} tunnel has none: its clients say where to`;
    const hint = 'write tcp: true, which asks the host that carries it';
    problems.add({ code: 'schema', message, at: healthcheck.at('http'), hint });
  }
}

function checkStart(check: TunnelCheck): void {
  const { name, values, own, type, client } = check;
  if (values.choice('start', ['on-demand']) === undefined) {
    const hint = 'write start: on-demand, or leave it out';
    if (own.entries.has('idle_timeout'))
      report(check, 'idle_timeout', { severity: 'warning', message: 'idle_timeout has no effect without start: on-demand', hint });
    return;
  }
  const elsewhere = type && listensOnHost(type) ? 'its host' : client !== null && client !== THIS_MACHINE ? client : null;
  if (elsewhere === null) return;
  const message = `start: on-demand needs an ingress on this machine, and "${name}" listens on ${elsewhere}`;
  report(check, 'start', { message, hint: 'write start: eager: to listen there takes a connection' });
}

function checkSocketMode(check: TunnelCheck): void {
  if (check.ingress?.kind !== 'tcp' || !check.own.entries.has('socket_mode')) return;
  const message = 'socket_mode has no effect: the ingress is a port, and a port has no mode';
  report(check, 'socket_mode', { severity: 'warning', message, hint: 'allow says who may connect to a port' });
}
