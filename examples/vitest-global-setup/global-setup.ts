import { up } from 'tunnels';

/** Rejects with what is wrong (a typo in the file, a host that is not reached) before any test has run. */
export async function setup(): Promise<() => Promise<void>> {
  const tunnels = await up({ cwd: import.meta.dirname, timeoutMs: 20_000 });
  // The processes the tests run in begin with this environment.
  Object.assign(process.env, tunnels.env());
  return () => tunnels.down({ drainMs: 1_000 });
}
