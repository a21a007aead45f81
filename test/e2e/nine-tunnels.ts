/** The longest chain: each tunnel comes out where the next one begins, here and on four hosts in turn. */
import { expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { reconcile } from '../../src/core/reconcile.ts';
import { hostAt, startEngine } from '../helpers/engine-on.ts';
import { freePort } from '../helpers/free-port.ts';
import { download, hashOf, startSink, startSource, upload } from '../helpers/services.ts';
import { project, tunnelSpec } from '../helpers/spec.ts';
import { started } from './far-end.ts';
import { afterwards, server } from './ssh-connecting.ts';

export function nineTunnels({ mebibytes }: { readonly mebibytes: number }): void {
  it(`nine tunnels, local and remote in turn, over four hops carry ${mebibytes} MiB unchanged both ways`, async () => {
    const size = mebibytes * 1024 * 1024;
    const source = await started(startSource());
    const sink = await started(startSink());
    const chain = (end: number, ports: readonly number[]) =>
      ports.map((port, index) =>
        tunnelSpec(`t${end}-${index}`, {
          type: index % 2 === 0 ? 'local' : 'remote',
          // A local one comes out on its host, where the remote one after it listens; that one comes out here, where the next local one does.
          hosts: [`hop${(Math.floor(index / 2) % 4) + 1}`],
          ingress: tcp('localhost', port),
          egress: tcp('localhost', ports[index + 1] ?? end),
        }),
      );
    const ports = async (): Promise<number[]> => Promise.all(Array.from({ length: 9 }, () => freePort()));
    const [down, up] = [await ports(), await ports()];
    const sshds = await Promise.all(['hop1', 'hop2', 'hop3', 'hop4'].map((name) => server({ name })));
    const hosts = sshds.map((sshd, index) => hostAt(sshd, { name: `hop${index + 1}`, via: index === 0 ? [] : [`hop${index}`] }));
    const running = startEngine();
    afterwards(() => running.engine.stop(0));
    running.apply(project(hosts, [...chain(source.port, down), ...chain(sink.port, up)]));
    await running.open(30_000);
    const got = await download(down[0] ?? 0, size);
    expect(got).toEqual({ bytes: size, sha256: hashOf(size) });
    const sent = await upload(up[0] ?? 0, size);
    expect(sent).toEqual({ bytes: size, sha256: hashOf(size) });
    const { steps } = reconcile(running.engine.graph, null);
    expect(steps.filter((step) => step.kind === 'tunnel' && step.name.startsWith(`t${sink.port}`)).map((step) => step.name.at(-1))).toEqual(
      [...'876543210'],
    );
  }, 120_000);
}
