/** `top`: the tunnels of a running project, live, until a key. */
import type { Snapshot } from '../../core/snapshot.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io, StopSignal } from '../io.ts';
import { styleFor } from '../render/style.ts';
import { checkNames, runningProject } from '../running-project.ts';
import { enterFullScreen } from '../top/full-screen.ts';
import { actionsOf, type Action } from '../top/keys.ts';
import { pressed } from '../top/order.ts';
import { nextSamples } from '../top/samples.ts';
import { scrolled, topLines, type Size, type TopView } from '../top/top-lines.ts';
import { UsageError } from '../usage-error.ts';

/** Milliseconds between two looks. */
const EVERY = 1_000;
/** Lines that are no rows. */
const FRAME = 3;

export interface TopOptions {
  /** None is all. */
  readonly names: readonly string[];
}

export async function top(io: Io, globals: GlobalOptions, { names }: TopOptions): Promise<ExitCode> {
  if (io.stdin.isTTY !== true || io.stdout.isTTY !== true)
    throw new UsageError('top needs a terminal', 'tunnels ps shows the same once, and --format json to programs');
  const client = await runningProject(io, globals);
  const first = await client.snapshot();
  checkNames(first, names);
  const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stdout });
  const chosen = ({ tunnels, ...rest }: Snapshot): Snapshot => ({
    ...rest,
    tunnels: names.length === 0 ? tunnels : tunnels.filter(({ name }) => names.includes(name)),
  });

  let view: TopView = {
    samples: nextSamples(null, chosen(first), performance.now()),
    order: { by: 'file', reversed: false },
    offset: 0,
    now: Date.now(),
  };
  return new Promise<ExitCode>((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const finish = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      unlisten();
      screen.leave();
      settle();
    };
    const quit = (code: ExitCode): void => finish(() => resolve(code));
    const onSignal = (signal: StopSignal): void => quit(signal === 'SIGINT' ? EXIT.interrupted : EXIT.done);
    const draw = (): void => {
      if (!isOver) screen.draw(topLines(view, screen.size(), style));
    };
    const unlisten = io.onSignal(onSignal);
    const screen = enterFullScreen(io, {
      onKeys(chunk) {
        for (const action of actionsOf(chunk)) {
          if (action.do === 'quit') quit(EXIT.done);
          else if (action.do === 'interrupt') quit(EXIT.interrupted);
          else view = after(view, action, screen.size());
        }
        draw();
      },
      onResize: draw,
      onGone: () => quit(EXIT.done),
    });
    /** The next look comes so long after the answer, however long that took. */
    const look = async (): Promise<void> => {
      const snapshot = chosen(await client.snapshot());
      view = { ...view, samples: nextSamples(view.samples, snapshot, performance.now()), now: Date.now() };
      draw();
      if (!isOver) timer = setTimeout(again, EVERY);
    };
    // The project has ended: that is told below the shell's prompt, where it stays.
    const again = (): void =>
      void look().catch((error: unknown) => finish(() => reject(error instanceof Error ? error : new Error(String(error)))));
    draw();
    timer = setTimeout(again, EVERY);
  });
}

function after(view: TopView, action: Extract<Action, { do: 'sort' | 'scroll' }>, size: Size): TopView {
  if (action.do === 'sort') return { ...view, order: pressed(view.order, action.by), offset: 0 };
  const room = Math.max(1, size.rows - FRAME);
  const by = action.unit === 'page' ? action.by * room : action.by;
  return { ...view, offset: scrolled(view.offset + by, view.samples.tunnels.length, room) };
}
