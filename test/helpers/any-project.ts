/** Arbitrary projects, for properties that hold of all of them. */
import fc from 'fast-check';
import { tcp } from '../../src/core/address.ts';
import { buildGraph } from '../../src/core/graph.ts';
import { findCycles } from '../../src/core/order.ts';
import { hostSpec, project, tunnelSpec } from './spec.ts';

const names = ['a', 'b', 'c', 'd', 'e'] as const;
/** Hosts only go via earlier ones and tunnels only depend on earlier ones, so that most are free of cycles. */
export const projects = fc
  .record({
    vias: fc.array(fc.option(fc.nat(4)), { minLength: 5, maxLength: 5 }),
    ports: fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 5, maxLength: 5 }),
    tunnels: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('t1', 't2', 't3', 't4', 't5', 't6'),
        host: fc.nat(4),
        client: fc.option(fc.nat(4)),
        remote: fc.boolean(),
        launched: fc.boolean(),
        port: fc.integer({ min: 1_000, max: 1_004 }),
        to: fc.integer({ min: 1_000, max: 1_004 }),
        limit: fc.integer({ min: 1, max: 3 }),
      }),
      { selector: ({ name }) => name },
    ),
  })
  .map(({ vias, ports, tunnels }) =>
    project(
      names.map((name, index) => {
        const via = vias[index];
        return hostSpec(name, { port: ports[index] ?? 22, via: typeof via === 'number' && via < index ? [names[via] ?? 'a'] : [] });
      }),
      tunnels.map(({ name, host, client, remote, launched, port, to, limit }) =>
        tunnelSpec(name, {
          type: remote ? 'remote' : 'local',
          hosts: [names[host] ?? 'a'],
          client: client === null ? 'client' : (names[client] ?? 'a'),
          launch: launched && client !== null && client !== host ? 'ssh' : 'relay',
          ingress: tcp('localhost', port),
          egress: tcp('localhost', to),
          maxConnections: limit,
        }),
      ),
    ),
  )
  // The configuration refuses a cycle before anything is planned.
  .filter((any) => findCycles(buildGraph(any)).length === 0);
