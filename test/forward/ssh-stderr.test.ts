import { describe, expect, test } from 'vitest';
import { allocatedPort, remoteArrivals, remoteForwardSucceeded, sshFailure } from '../../src/forward/ssh-stderr.ts';

describe('what ssh says on stderr', () => {
  test.each([
    ['deploy@inner: Permission denied (publickey).', 'auth-rejected'],
    ['Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures', 'auth-rejected'],
    ['ssh: connect to host inner port 22: Connection refused', 'refused'],
    ['ssh: Could not resolve hostname inner: Name or service not known', 'dns'],
    ['No ED25519 host key is known for inner and you have requested strict checking.\r\nHost key verification failed.', 'host-key-unknown'],
    ['@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\nHost key verification failed.', 'host-key-changed'],
    ['@       WARNING: REVOKED HOST KEY DETECTED!               @\r\nHost key verification failed.', 'host-key-revoked'],
    ['bind [127.0.0.1]:8080: Address already in use\nchannel_setup_fwd_listener_tcpip: cannot listen to port: 8080', 'bind-in-use'],
    ['bind [127.0.0.1]:80: Permission denied\nchannel_setup_fwd_listener_tcpip: cannot listen to port: 80', 'bind-denied'],
    ['Error: remote port forwarding failed for listen port 8080', 'remote-forward-denied'],
    ['ssh: connect to host inner port 22: Connection timed out', 'timeout'],
    ['ssh: connect to host inner port 22: Operation timed out', 'timeout'],
    ['Timeout, server inner not responding.', 'timeout'],
    ['sh: 1: ssh: not found', 'bind-denied'],
    ['Connection to inner closed by remote host.', 'connection-lost'],
    ['client_loop: send disconnect: Broken pipe', 'connection-lost'],
    ['', 'connection-lost'],
  ])('%j is %s', (stderr, code) => {
    const failed = sshFailure(`debug1: Connection refused by design\n${stderr}\ndebug1: Exit status -1\n`, 'ssh on bastion');
    expect(failed.code).toBe(code);
    expect(failed.message).toMatch(/^ssh on bastion/);
    expect(failed.hint).not.toBeNull();
  });

  test('what single connections could not reach is no cause of its end', () => {
    const stderr = [
      'channel 3: open failed: connect failed: Connection refused',
      'connect_to localhost port 1: failed.',
      'Connection to inner closed by remote host.',
    ].join('\r\n');
    expect(sshFailure(stderr, 'ssh')).toMatchObject({
      code: 'connection-lost',
      message: 'ssh: Connection to inner closed by remote host.',
    });
  });

  test('terminal escapes do not pass', () => {
    expect(sshFailure('\u001b[31mPermission denied (publickey)\u0007', 'ssh').message).toBe('ssh: [31mPermission denied (publickey)');
  });

  test('the allocated port and success are read', () => {
    expect(allocatedPort('Allocated port 40123 for remote forward to localhost:80\r\n')).toBe(40123);
    expect(allocatedPort('debug1: nothing')).toBeNull();
    const arrival = (host: string, port: number): string =>
      `debug1: client_request_forwarded_tcpip: listen ${host} port ${port}, originator ::1 port 45934`;
    expect(remoteArrivals([arrival('localhost', 80), arrival('', 81), 'debug1: nothing'].join('\n'))).toEqual([80, 81]);
    expect(remoteForwardSucceeded('debug1: remote forward success for: listen localhost:8080, connect web:80')).toBe(true);
    expect(remoteForwardSucceeded('debug1: remote forward failure for: listen 8080')).toBe(false);
  });
});
