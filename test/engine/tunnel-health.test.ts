import { expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import type { EventBody } from '../../src/core/event.ts';
import { FailureError, type FailureParts } from '../../src/core/failure.ts';
import { buildGraph } from '../../src/core/graph.ts';
import { TunnelHealth } from '../../src/engine/tunnel-health.ts';
import { manualClock } from '../helpers/clock.ts';
import { hostSpec, project, tunnelSpec } from '../helpers/spec.ts';

it('one that stays unhealthy is shown with its newest reason, and another kind of it is told', async () => {
  const healthcheck = { probe: { kind: 'tcp' }, intervalMs: 10_000, timeoutMs: 1_000, retries: 1, startPeriodMs: 0 } as const;
  const node = buildGraph(project([hostSpec('bastion')], [tunnelSpec('db', { healthcheck })])).tunnels.get('db');
  if (!node) throw new Error('no tunnel');
  const clock = manualClock();
  const told: EventBody[] = [];
  let problem: FailureParts = { code: 'target-refused', message: 'refused' };
  const health = new TunnelHealth({
    clock,
    way: () => ({
      dial: () => Promise.reject(new FailureError(problem)),
      passage: null,
      egress: tcp('localhost', 80),
      bound: null,
      runCommand: () => Promise.reject(new Error('there is no command')),
    }),
    onVerdict: (body) => void told.push(body),
  });
  health.watch(node, true);
  await clock.advance(10_000);
  expect(health.failure(node)).toMatchObject({ message: 'refused' });
  problem = { code: 'target-unreachable', message: 'status 500' };
  await clock.advance(10_000);
  expect(health.failure(node)).toMatchObject({ message: 'status 500' });
  problem = { code: 'target-unreachable', message: 'status 503' };
  await clock.advance(10_000);
  expect(health.failure(node)).toMatchObject({ message: 'status 503' });
  expect(told.map((body) => body.type === 'health' && body.failure?.message)).toEqual(['refused', 'status 500']);
  health.stop();
  await health.ended();
});
