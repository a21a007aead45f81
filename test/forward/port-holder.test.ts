import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { describeHolder, parseListeners, parseLsof } from '../../src/forward/port-holder.ts';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const row = (address: string, state: string, inode: number): string =>
  `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`;

describe('port holder', () => {
  test.each([
    ['0100007F:1F90', '127.0.0.1', 8080],
    ['00000000:0016', '0.0.0.0', 22],
    ['00000000000000000000000000000000:1F90', '::', 8080],
    ['00000000000000000000000001000000:1F90', '::1', 8080],
    ['0000000000000000FFFF00000100007F:1F90', '127.0.0.1', 8080],
    ['B80D0120000000000000000001000000:1F90', '2001:db8:0:0:0:0:0:1', 8080],
  ])('reads %s of /proc/net/tcp as %s port %i', (address, host, port) => {
    expect(parseListeners(HEAD + row(address, '0A', 4711))).toEqual([{ host, port, inode: '4711' }]);
  });

  test('only what listens holds a port', () => {
    expect(parseListeners(HEAD + row('0100007F:1F90', '01', 1) + row('0100007F:1F90', '06', 2))).toEqual([]);
  });

  test('reads lsof -Fpc', () => {
    expect(parseLsof('p4242\ncpostgres\nf5\n')).toEqual({ pid: 4242, command: 'postgres' });
    expect(parseLsof('')).toBeNull();
  });

  test('names another process by pid and command', async () => {
    const child = spawn(process.execPath, [
      '-e',
      "const s=require('net').createServer().listen(0,'127.0.0.1',()=>console.log(s.address().port))",
    ]);
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      expect(await describeHolder(tcp('localhost', Number(line.toString())))).toMatch(new RegExp(`^\\S+ \\(pid ${child.pid}\\)$`));
    } finally {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  });
});
