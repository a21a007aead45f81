import { describe, expect, it } from 'vitest';
import { ready, type ReadyOptions } from '../../src/library/ready.ts';
import { NotOpenError } from '../../src/library/tunnels-error.ts';
import { PlayedRunner, view } from '../daemon/played-runner.ts';
import { hostSpec, project, tunnelSpec } from '../helpers/spec.ts';

async function up(): Promise<PlayedRunner> {
  const runner = new PlayedRunner(project([hostSpec('bastion')], [tunnelSpec('web'), tunnelSpec('git')]));
  await runner.apply();
  runner.settledAs = 'open';
  return runner;
}
const outcome = (runner: PlayedRunner, options: ReadyOptions): Promise<'ready' | NotOpenError> =>
  ready(runner, options).then(
    () => 'ready' as const,
    (error: NotOpenError) => error,
  );

describe('a tunnel that is open and not healthy', () => {
  it('is what open waits for', async () => {
    const runner = await up();
    runner.set('web', { state: 'unhealthy', health: 'unhealthy' });
    expect(await outcome(runner, {})).toBe('ready');
  });

  it('is not what healthy waits for: that is told, and only of those that are not', async () => {
    const runner = await up();
    const error = { code: 'target-refused', message: 'web:80 answers 503', hint: null };
    runner.set('web', { state: 'unhealthy', health: 'unhealthy', error });
    const ended = await outcome(runner, { condition: 'healthy', timeoutMs: 20 });
    expect(ended).toBeInstanceOf(NotOpenError);
    expect(ended).toMatchObject({
      code: 'timeout',
      message: 'not healthy: web within 0.02 s\n  tunnel web (unhealthy): web:80 answers 503 [target-refused]',
      notUp: [{ kind: 'tunnel', name: 'web', state: 'unhealthy' }],
    });
  });

  it('is not listed where another one is not open', async () => {
    const runner = await up();
    runner.settledAs = null;
    runner.set('web', { state: 'unhealthy', health: 'unhealthy' });
    runner.set('git', { state: 'opening' });
    expect(await outcome(runner, { timeoutMs: 20 })).toMatchObject({ message: 'not open: git within 0.02 s', notUp: [{ name: 'git' }] });
  });
});

it('healthy waits for the first probe, and is open where there is no healthcheck', async () => {
  const runner = await up();
  runner.set('web', { health: 'starting' });
  const ended = outcome(runner, { condition: 'healthy', timeoutMs: 10_000 });
  const early = await Promise.race([ended, new Promise((resolve) => setTimeout(() => resolve('waiting'), 30))]);
  expect(early).toBe('waiting');
  runner.views.set('web', view('web', { health: 'healthy' }));
  expect(await ended).toBe('ready');
  expect(runner.listening).toBe(0);
});

it('is given up where one waits for what has failed, though others may still come', async () => {
  const runner = await up();
  runner.settledAs = null;
  runner.set('git', { state: 'opening' });
  runner.set('web', { state: 'waiting' });
  runner.stuckNames.add('web');
  expect(await outcome(runner, { timeoutMs: 10_000 })).toMatchObject({ code: 'failed' });
});
