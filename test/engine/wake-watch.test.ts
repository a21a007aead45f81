import { afterEach, expect, it } from 'vitest';
import { addressesHere, watchWake, type WakeWatch } from '../../src/engine/wake-watch.ts';
import { manualClock } from '../helpers/clock.ts';

const clock = manualClock();
let addresses: string | null = 'eth0 10.0.0.1';
let routes: string | null = 'eth0 00000000/00000000 0101000A 0';
let told: string[] = [];
let watch: WakeWatch;

const start = (): void => {
  told = [];
  watch = watchWake(clock, (why) => void told.push(why), { addresses: () => addresses, routes: () => routes });
};

afterEach(() => {
  watch.stop();
  expect(clock.pending()).toEqual([]);
});

it('says nothing while nothing happens', async () => {
  start();
  await clock.advance(60_000);
  expect(told).toEqual([]);
});

it.each([
  [60_000, 'the clock jumped by 60 s'],
  [-3_600_000, 'the clock jumped by -3600 s'],
])('a jump of %i ms is told once', async (ms, expected) => {
  start();
  await clock.advance(5_000);
  clock.jump(ms);
  await clock.advance(5_000);
  expect(told).toEqual([expected]);
});

it('a busy moment is no jump', async () => {
  start();
  clock.jump(2_000);
  await clock.advance(5_000);
  expect(told).toEqual([]);
});

it('a new address is told once', async () => {
  start();
  addresses = 'wlan0 192.168.1.7';
  await clock.advance(5_000);
  expect(told).toEqual(['the addresses of this machine changed']);
});

it('another way out with the same addresses is told once', async () => {
  start();
  routes = 'eth0 00000000/00000000 0201000A 0';
  await clock.advance(5_000);
  expect(told).toEqual(['the routes of this machine changed']);
});

it('addresses and routes that change together are one piece of news', async () => {
  start();
  [addresses, routes] = ['eth0 10.0.1.1', 'eth0 00000000/00000000 0101010A 0'];
  await clock.advance(5_000);
  expect(told).toEqual(['the addresses of this machine changed']);
});

it('a network that does not settle is told of at once, and then each ten seconds as long as it changes', async () => {
  start();
  for (let second = 1; second <= 25; second += 1) {
    routes = `veth${second} 0002000A/00FFFFFF 00000000 0`;
    await clock.advance(1_000);
    if (second === 1) expect(told).toHaveLength(1);
  }
  expect(told).toHaveLength(3);
  await clock.advance(60_000);
  expect(told).toHaveLength(4);
});

it('addresses and routes that cannot be read, for want of descriptors, are no news, and neither is their return', async () => {
  const before = { addresses, routes };
  start();
  [addresses, routes] = [null, null];
  await clock.advance(5_000);
  ({ addresses, routes } = before);
  await clock.advance(5_000);
  expect(told).toEqual([]);
});

it('loopback is not among the addresses that count', () => {
  expect(addressesHere() ?? '').not.toMatch(/127\.0\.0\.1|::1/);
});
