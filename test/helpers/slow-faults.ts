/** Faults that take as long as one lets them: the end-to-end tests a few seconds, `npm run soak` as long as they are promised for. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { tcp } from '../../src/core/address.ts';
import { hostAt, startEngine } from './engine-on.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { ownListeners } from './leftovers.ts';
import { openDescriptors } from './process-figures.ts';
import { hostEntry } from './project.ts';
import { at, echoes, type Scene } from './scene.ts';
import { dial, startEcho } from './services.ts';
import { project, tunnelSpec } from './spec.ts';
import { sleep, until, within } from './wait.ts';

export interface FrozenFigures {
  /** Milliseconds from being woken to the jump of the clock being told, and to the tunnel being open again. */
  readonly seenMs: number;
  readonly openMs: number;
  /** How the connection ended that was open: it must not look like one that the far end has finished. */
  readonly ended: string;
}

/** The program is frozen, and meanwhile its connection dies without a word. */
export async function freeze(each: Scene, ms: number): Promise<FrozenFigures> {
  const [sshd, echo] = await Promise.all([each.sshd(), each.add(startEcho())]);
  // Every wait but the first would be longer than what is allowed.
  const reconnect = { min: '20s', max: '30s' };
  const up = each
    .project({
      yaml: {
        hosts: { bastion: hostEntry(sshd, { reconnect }) },
        tunnels: { echo: { type: 'local', host: 'bastion', ingress: 0, egress: at(echo) } },
      },
    })
    .up();
  await up.untilOpen(['echo']);
  const kept = await dial(up.port('echo'));
  kept.write('served');
  await within(once(kept, 'data'), { what: 'the connection to be served' });
  const ended = new Promise<string>((resolve) => {
    kept.resume();
    kept.once('end', () => resolve('end')).once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
  });
  up.signal('SIGSTOP');
  await sleep(ms);
  // Frozen too: the connection is there and answers nothing.
  sshd.signalSessions('SIGSTOP');
  const seen = up.events().length;
  const from = performance.now();
  up.signal('SIGCONT');
  await up.untilEvent((event) => event.type === 'warning' && /clock jumped by \d+ s/.test(String(event['message'])), 3_000, seen);
  const seenMs = performance.now() - from;
  await up.untilEvent((event) => event.subject?.name === 'echo' && event.to === 'open', 10_000, seen);
  const openMs = performance.now() - from;
  await echoes(up.port('echo'));
  const how = await within(ended, { what: 'the connection that was open to be reset' });
  sshd.signalSessions('SIGCONT');
  return { seenMs, openMs, ended: how };
}

export interface FlapFigures {
  /** The waits before each try, in order; the first window is 50 ms. */
  readonly waits: readonly number[];
  /** More than before it began, once it has settled. */
  readonly descriptors: number;
  readonly listeners: number;
}

/** A link that is there for `ms` milliseconds and gone for as long, `rounds` times. */
export async function flap(each: Scene, ms: number, rounds: number): Promise<FlapFigures> {
  const [sshd, echo] = await Promise.all([each.sshd(), each.add(startEcho())]);
  const proxy = await each.add(startFaultProxy({ host: sshd.address, port: sshd.port }));
  const known = `${sshd.dir}/known-${proxy.port}`;
  writeFileSync(known, sshd.knownHostsLine(`[${proxy.host}]:${proxy.port}`));
  const running = startEngine();
  each.onEnd(() => running.engine.stop(0));
  const reconnect = { minMs: 50, maxMs: 30_000, attempts: null };
  const host = hostAt(sshd, { name: 'bastion', hostname: proxy.host, port: proxy.port, knownHosts: [known], reconnect });
  const tunnel = tunnelSpec('echo', { ingress: tcp('localhost', 0), egress: tcp('localhost', echo.port) });
  running.apply(project([host], [tunnel]));
  await running.open();
  const before = { fds: openDescriptors(), listeners: ownListeners().length };
  for (let round = 0; round < rounds; round += 1) {
    await proxy.unlisten();
    await sleep(ms);
    await proxy.listen();
    await sleep(ms);
  }
  await running.open(40_000);
  const waits = running.events.flatMap((event) => (event.type === 'host-state' && event.retryInMs !== null ? [event.retryInMs] : []));
  await until(() => openDescriptors() <= before.fds, {
    what: 'the descriptors of lost connections to be gone',
    detail: () => `${openDescriptors()}, before ${before.fds}`,
  });
  return { waits, descriptors: openDescriptors() - before.fds, listeners: ownListeners().length - before.listeners };
}
