/** `top`: the tunnels of a running project, live, until a key or the end of the project. */
import type { Snapshot } from '../../core/snapshot.ts';
import type { DaemonClient } from '../../daemon/client.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io, StopSignal } from '../io.ts';
import { styleFor } from '../render/style.ts';
import { namesMeant, runningProject } from '../running-project.ts';
import { enterFullScreen } from '../top/full-screen.ts';
import { actionsOf, type Action } from '../top/keys.ts';
import { pressed } from '../top/order.ts';
import { nextSamples } from '../top/samples.ts';
import { scrolled, topLines, type Size, type TopView } from '../top/top-lines.ts';
import { UsageError } from '../usage-error.ts';

/** Milliseconds between two looks. */
const EVERY = 1_000;
/** Milliseconds in which a project that ended still tells why. */
const FAREWELL = 1_000;
/** Lines that are no rows. */
const FRAME = 3;

export interface TopOptions {
  /** None is all. */
  readonly names: readonly string[];
}

export async function top(io: Io, globals: GlobalOptions, options: TopOptions): Promise<ExitCode> {
  if (io.stdin.isTTY !== true || io.stdout.isTTY !== true)
    throw new UsageError('top needs a terminal', 'tunnels ps shows the same once, and --format json to programs');
  const client = await runningProject(io, globals);
  const first = await client.snapshot();
  const names = namesMeant(first, options.names);
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
    const left = new AbortController();
    const finish = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      left.abort();
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
    const fail = (error: unknown): void => finish(() => reject(error instanceof Error ? error : new Error(String(error))));
    // That the project has ended is told above the shell's prompt, where it stays.
    const again = (): void =>
      void look().catch(async (error: unknown) => {
        if (!(await Promise.race([ending, pause(FAREWELL)]))) fail(error);
      });
    const ending = untilDown(client, left.signal).catch(() => false);
    void ending.then((isDown) => {
      if (isDown) finish(() => (io.stderr.write(`${first.project} is down\n`), resolve(EXIT.done)));
    });
    draw();
    timer = setTimeout(again, EVERY);
  });
}

const pause = (ms: number): Promise<false> => new Promise((resolve) => setTimeout(() => resolve(false), ms));

/** True when the project was taken down, false when it ended without that. */
async function untilDown(client: DaemonClient, signal: AbortSignal): Promise<boolean> {
  for await (const line of client.events({ last: 0, follow: true }, signal)) if (line.type === 'stopped') return true;
  return false;
}

function after(view: TopView, action: Extract<Action, { do: 'sort' | 'scroll' }>, size: Size): TopView {
  if (action.do === 'sort') return { ...view, order: pressed(view.order, action.by), offset: 0 };
  const room = Math.max(1, size.rows - FRAME);
  const by = action.unit === 'page' ? action.by * room : action.by;
  return { ...view, offset: scrolled(view.offset + by, view.samples.tunnels.length, room) };
}
