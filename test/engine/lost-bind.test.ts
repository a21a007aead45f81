import { describe, expect, test } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import type { Failure } from '../../src/core/failure.ts';
import { LostBinds } from '../../src/engine/lost-bind.ts';
import { flush } from '../helpers/clock.ts';

const place = { session: 'bastion', address: tcp('localhost', 9100) };

function made() {
  let now = 1_000;
  let addresses: string | null = 'eth0 10.0.0.1, wlan0 10.0.1.1';
  let close: () => void = () => undefined;
  const connection = { closed: new Promise<Failure | null>((resolve) => (close = () => resolve(null))) };
  return {
    lost: new LostBinds({ now: () => now }, () => addresses),
    connection,
    close: async () => {
      close();
      await flush();
    },
    after: (ms: number) => (now += ms),
    move: (to: string | null) => (addresses = to),
  };
}

describe('what was bound on a host', () => {
  test('is lost with its connection, and it is known since when', async () => {
    const { lost, connection, close, after } = made();
    lost.hold(place, connection);
    expect(lost.earlier(place)).toBe(null);
    await close();
    after(3_000);
    const earlier = lost.earlier(place);
    expect(earlier).toMatchObject({ addressChanged: false });
    expect(earlier?.lostMsAgo()).toBe(3_000);
    // Told only once it is known who holds it.
    after(6_000);
    expect(earlier?.lostMsAgo()).toBe(9_000);
  });

  test('is another thing on another host, and at another port', async () => {
    const { lost, connection, close } = made();
    lost.hold(place, connection);
    await close();
    expect(lost.earlier({ ...place, session: 'other' })).toBe(null);
    expect(lost.earlier({ ...place, address: tcp('localhost', 9101) })).toBe(null);
  });

  test('stays known while the tunnel listens on another host', async () => {
    const { lost, connection, close } = made();
    lost.hold(place, connection);
    await close();
    lost.hold({ ...place, session: 'standby' }, { closed: new Promise(() => undefined) });
    expect(lost.earlier(place)).toMatchObject({ addressChanged: false });
  });

  test('is forgotten when there are a thousand newer ones', async () => {
    const { lost, connection, close } = made();
    const at = (port: number) => ({ ...place, address: tcp('localhost', port) });
    for (let port = 1; port <= 1_001; port += 1) lost.hold(at(port), connection);
    await close();
    expect([1, 2, 1_001].map((port) => lost.earlier(at(port)) !== null)).toEqual([false, true, true]);
  });

  test('and was let go of through a connection that lives is nobody’s; a lost one stays lost', async () => {
    const { lost, connection, close } = made();
    lost.hold(place, connection);
    lost.release(place);
    await close();
    expect(lost.earlier(place)).toBe(null);
    const again = made();
    again.lost.hold(place, again.connection);
    await again.close();
    again.lost.release(place);
    expect(again.lost.earlier(place)).not.toBe(null);
  });

  test.each([
    ['eth0 10.0.0.1', true],
    ['eth0 10.0.0.7, wlan0 10.0.1.1', true],
    [null, false],
    ['eth0 10.0.0.1, tun0 10.9.0.1, wlan0 10.0.1.1', false],
  ])('an address that is gone since is told: %s', async (to, changed) => {
    const { lost, connection, close, move } = made();
    lost.hold(place, connection);
    await close();
    move(to);
    expect(lost.earlier(place)?.addressChanged).toBe(changed);
  });
});
