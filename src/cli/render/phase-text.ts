/** What another process is doing with the project that this one waits for. */
import type { Status } from '../../daemon/protocol.ts';

export function phaseText({ phase, pid }: Pick<Status, 'phase' | 'pid'>): string {
  const doing = phase === 'stopping' ? 'is taking the project down' : 'is just starting the project';
  return `process ${pid} ${doing}: waiting for it`;
}
