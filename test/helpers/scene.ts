/** What the tests of a file start, ended in reverse order by the hook it is made with: `scene(afterAll)`, `scene(afterEach)`. */
import { type Project, type ProjectOptions, type Up, createProject } from './project.ts';
import { type Service, type Target, exchange } from './services.ts';
import { type Sshd, type SshdOptions, startSshd } from './sshd.ts';

export interface Scene {
  sshd(options?: SshdOptions): Promise<Sshd>;
  project(options?: ProjectOptions): Project;
  /** Anything that has a stop(). */
  add<T extends { stop(): Promise<void> }>(starting: T | Promise<T>): Promise<T>;
  /** Called at the end. */
  onEnd(end: () => unknown): void;
}

export function scene(hook: (end: () => Promise<void>) => unknown): Scene {
  const ends: (() => unknown)[] = [];
  hook(async () => {
    const failures: unknown[] = [];
    for (const end of ends.splice(0).reverse()) await Promise.resolve(end()).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  });
  const add = async <T extends { stop(): Promise<void> }>(starting: T | Promise<T>): Promise<T> => {
    const thing = await starting;
    ends.push(() => thing.stop());
    return thing;
  };
  return {
    add,
    sshd: (options) => add(startSshd(options)),
    project: (options) => {
      const project = createProject(options);
      ends.push(() => project.remove());
      return project;
    },
    onEnd: (end) => void ends.push(end),
  };
}

/** A text through the target to an echo and back, so that bytes have gone both ways; rejects where it does not come back whole. */
export async function echoes(target: Target, text = `hello ${Math.random()}`): Promise<true> {
  const back = (await exchange(target, text)).toString();
  if (back !== text) throw new Error(`sent ${JSON.stringify(text)}, got back ${JSON.stringify(back)}`);
  return true;
}

/** `127.0.0.1:PORT` of a service, as an egress. */
export const at = (service: Pick<Service, 'host' | 'port'>): string => `${service.host}:${service.port}`;

/** The last failure a tunnel or host reported. */
export function failureOf(up: Up, name: string): { readonly code: string; readonly message: string; readonly hint: string | null } | null {
  const failures = up.events().filter((event) => event.subject?.name === name && (event['failure'] ?? null) !== null);
  return (failures.at(-1)?.['failure'] ?? null) as ReturnType<typeof failureOf>;
}
