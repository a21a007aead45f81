/** Takes a project for a runner of this process, so that other commands find it. */
import type { Place } from '../../daemon/place.ts';
import type { HostOutcome } from '../../daemon/host.ts';
import type { RunnerPort } from '../../runner/runner-port.ts';
import type { Io } from '../io.ts';
import type { Progress } from '../progress/progress.ts';
import { phaseText } from '../render/phase-text.ts';

export interface Taking {
  readonly place: Place;
  readonly runner: RunnerPort;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export function take(io: Io, { place, runner, progress, signal }: Taking): Promise<HostOutcome> {
  return io.serve({
    ...place,
    runner,
    build: io.build,
    mode: 'foreground',
    signal,
    onWaiting: (status) => progress.say(phaseText(status), 'note'),
    onWarning: (warning) =>
      progress.event({
        seq: 0,
        at: Date.now(),
        subject: { kind: 'project', name: runner.snapshot().project },
        type: 'warning',
        ...warning,
      }),
  });
}
