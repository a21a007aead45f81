/** Ports to listen on, which ssh has to be told: below those that the system gives to outgoing connections, thousands of which come and go. */
import { createServer } from 'node:net';

const FIRST = 12_000;
const LAST = 31_999;

let next = FIRST + Math.floor(Math.random() * (LAST - FIRST));

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });

export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tried = 0; ports.length < count; tried += 1) {
    if (tried > LAST - FIRST) throw new Error(`there are no ${count} free ports from ${FIRST} to ${LAST}`);
    next = next === LAST ? FIRST : next + 1;
    if (await isFree(next)) ports.push(next);
  }
  return ports;
}
