import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { FailureError, type FailureCode } from '../../src/core/failure.ts';
import { spreadDial, type Carrier } from '../../src/engine/spread-dial.ts';
import type { Connection } from '../../src/ssh/connection.ts';
import { fakeNetwork } from '../helpers/fake-network.ts';
import { hostSpec } from '../helpers/spec.ts';

const target = tcp('web', 80);

interface Played extends Carrier {
  connection: Connection | null;
  channels: number;
  readonly name: string;
}

/** Carriers whose dials are written down, and fail where `failing` says so. */
async function carriers(...names: readonly string[]) {
  const network = fakeNetwork();
  const dialled: string[] = [];
  const failing = new Map<string, FailureCode>();
  const all: Played[] = [];
  for (const name of names) {
    const real = await network.connect({
      host: hostSpec(name),
      port: 22,
      transport: async () => new PassThrough(),
      asker: { secret: async () => null, hostKey: async () => null },
      notify: () => undefined,
      signal: new AbortController().signal,
      verbosity: 0,
    });
    const connection: Connection = {
      ...real,
      dial: async () => {
        dialled.push(name);
        const code = failing.get(name);
        if (code) throw new FailureError({ code, message: `${name}: ${code}` });
        return new PassThrough();
      },
    };
    all.push({ name, connection, channels: 0, queuedBytes: 0 });
  }
  const at = (name: string): Played => {
    const found = all.find((each) => each.name === name);
    if (!found) throw new Error(`no ${name}`);
    return found;
  };
  return { dial: spreadDial(() => all), dialled, failing, at };
}

describe('a channel', () => {
  it('goes to each connection in turn while they carry as much', async () => {
    const { dial, dialled } = await carriers('a', 'b', 'c');
    for (let count = 0; count < 5; count += 1) await dial(target);
    expect(dialled).toEqual(['a', 'b', 'c', 'a', 'b']);
  });

  it('goes to the one that carries least, and never to one that is down', async () => {
    const { dial, dialled, at } = await carriers('a', 'b', 'c');
    at('a').channels = 2;
    at('b').channels = 1;
    at('c').connection = null;
    await dial(target);
    expect(dialled).toEqual(['b']);
  });

  it('goes to another one where the first dies meanwhile', async () => {
    const { dial, dialled, failing } = await carriers('a', 'b', 'c');
    failing.set('a', 'connection-lost').set('b', 'connection-lost');
    await dial(target);
    expect(dialled).toEqual(['a', 'b', 'c']);
  });

  it('is lost when all have died, each tried once', async () => {
    const { dial, dialled, failing } = await carriers('a', 'b');
    failing.set('a', 'connection-lost').set('b', 'connection-lost');
    await expect(dial(target)).rejects.toThrow('b: connection-lost');
    expect(dialled).toEqual(['a', 'b']);
  });

  it('is lost where there is no connection', async () => {
    const { dial, at } = await carriers('a');
    at('a').connection = null;
    await expect(dial(target)).rejects.toMatchObject({ failure: { code: 'connection-lost' } });
  });

  it.each<FailureCode>(['target-refused', 'target-unreachable', 'target-forbidden', 'timeout'])(
    'that the host answers with %s is not asked for again elsewhere',
    async (code) => {
      const { dial, dialled, failing } = await carriers('a', 'b');
      failing.set('a', code);
      await expect(dial(target)).rejects.toMatchObject({ failure: { code } });
      expect(dialled).toEqual(['a']);
    },
  );

  it('that nobody waits for any more is not asked for again', async () => {
    const { dial, dialled, failing } = await carriers('a', 'b');
    failing.set('a', 'connection-lost');
    await expect(dial(target, { signal: AbortSignal.abort() })).rejects.toMatchObject({ failure: { code: 'connection-lost' } });
    expect(dialled).toEqual(['a']);
  });
});
