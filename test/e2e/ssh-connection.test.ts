import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect } from '../../src/ssh/connect.ts';
import { startAgent } from '../helpers/agent.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { keyPair } from '../helpers/keys.ts';
import { sleep, within } from '../helpers/wait.ts';
import { folder, serve, started } from './far-end.ts';
import { attempt, failureOf, open, server } from './ssh-connecting.ts';

describe('keepalive', () => {
  const keepalive = { intervalMs: 200, count: 2 };

  test.each(['SIGSTOP', 'black hole'])('a link that dies of %s is noticed within interval × (count + 1)', async (fault) => {
    const sshd = await server();
    const proxy = await started(startFaultProxy(sshd.port));
    const connection = await open(sshd, { host: { port: proxy.port, hostKeyPolicy: 'ignore', knownHosts: [], keepalive } });
    await sleep(700);
    if (fault === 'SIGSTOP') sshd.signalSessions('SIGSTOP');
    else proxy.faults.blackHole = 'both';
    const from = performance.now();
    expect(await within(connection.closed, { what: 'closed' })).toMatchObject({ code: 'keepalive-timeout' });
    expect(performance.now() - from).toBeLessThan(keepalive.intervalMs * (keepalive.count + 1) + 150);
    sshd.signalSessions('SIGCONT');
  });

  test('it can be changed on the live connection, and a live link stays up', async () => {
    const sshd = await server();
    const connection = await open(sshd, { host: { keepalive: { intervalMs: 0, count: 0 } } });
    connection.setKeepalive({ intervalMs: 50, count: 1 });
    await sleep(500);
    expect(await connection.ping(1_000)).toBeLessThan(1_000);
    sshd.signalSessions('SIGSTOP');
    expect(await within(connection.closed, { what: 'closed', ms: 1_000 })).toMatchObject({ code: 'keepalive-timeout' });
    sshd.signalSessions('SIGCONT');
  });

  test('a ping to a silent server is a keepalive-timeout of its own', async () => {
    const sshd = await server();
    const connection = await open(sshd);
    sshd.signalSessions('SIGSTOP');
    expect(await failureOf(connection.ping(100))).toMatchObject({ code: 'keepalive-timeout' });
    sshd.signalSessions('SIGCONT');
    expect(await connection.ping(2_000)).toBeGreaterThan(0);
  });
});

describe('exec', () => {
  const text = async (stream: NodeJS.ReadableStream): Promise<string> => {
    let all = '';
    for await (const chunk of stream) all += String(chunk);
    return all;
  };

  test('streams, exit code and signal', async () => {
    const connection = await open(await server());
    const cat = await connection.exec('cat; echo oops >&2; exit 3');
    cat.stdin.end('in and out');
    expect(await Promise.all([text(cat.stdout), text(cat.stderr), cat.exit])).toEqual(['in and out', 'oops\n', { code: 3, signal: null }]);
    const killed = await connection.exec('kill -TERM $$');
    killed.stdout.resume();
    killed.stderr.resume();
    expect(await killed.exit).toEqual({ code: null, signal: 'SIGTERM' });
  });

  test('the agent is forwarded where that is asked for, and nowhere else', async () => {
    const key = await keyPair({ name: 'agent' });
    const agent = await started(startAgent(key));
    const sshd = await server({ authorizedKeys: [key] });
    for (const forwardAgent of [false, true]) {
      const connection = await open(sshd, { host: { agent: agent.socket, identityFiles: [], forwardAgent } });
      const listing = await connection.exec('test -n "$SSH_AUTH_SOCK" && ssh-add -l');
      listing.stderr.resume();
      listing.stdin.end();
      const [out, { code }] = await Promise.all([text(listing.stdout), listing.exit]);
      expect({ code, listed: out.includes(key.fingerprint) }).toEqual(
        forwardAgent ? { code: 0, listed: true } : { code: 1, listed: false },
      );
    }
  });

  test('close ends its stdin; a lost connection ends the wait', async () => {
    const sshd = await server();
    const connection = await open(sshd);
    const closing = await connection.exec('cat');
    closing.close();
    expect(await within(closing.exit, { what: 'exit' })).toEqual({ code: null, signal: null });
    const lost = await connection.exec('sleep 60');
    sshd.signalSessions('SIGKILL');
    expect(await within(lost.exit, { what: 'exit' })).toEqual({ code: null, signal: null });
  });

  test('an account for forwarding only says so', async () => {
    const sshd = await server({ config: { MaxSessions: '0' } });
    const connection = await open(sshd);
    expect(await failureOf(connection.exec('true'))).toMatchObject({ code: 'target-forbidden' });
  });
});

describe('connecting', () => {
  test('nobody listens: refused', async () => {
    const sshd = await server({ name: 'bastion' });
    await sshd.halt();
    expect(await failureOf(connect(attempt(sshd).request))).toMatchObject({
      code: 'refused',
      message: `bastion: connection refused by 127.0.0.1:${sshd.port}`,
      hint: expect.stringContaining('is sshd running there?'),
    });
  });

  test('a name that does not resolve: dns', async () => {
    const sshd = await server({ name: 'bastion' });
    const tried = attempt(sshd, { host: { hostname: 'no-such-host.invalid' } });
    expect(await failureOf(connect(tried.request))).toMatchObject({
      code: 'dns',
      message: expect.stringContaining('no-such-host.invalid'),
    });
  });

  test('accepted and never served: timeout, within the limit', async () => {
    const sshd = await server();
    const proxy = await started(startFaultProxy(sshd.port));
    proxy.faults.accept = 'hang';
    const from = performance.now();
    expect(await failureOf(connect(attempt(sshd, { host: { port: proxy.port, connectTimeoutMs: 300 } }).request))).toMatchObject({
      code: 'timeout',
    });
    expect(performance.now() - from).toBeLessThan(1_500);
  });

  test('the signal ends it at once, in the dial, the handshake and a question', async () => {
    const sshd = await server();
    const proxy = await started(startFaultProxy(sshd.port));
    proxy.faults.accept = 'hang';
    const hanging = attempt(sshd, { host: { port: proxy.port } });
    const asking = attempt(sshd, { host: { knownHosts: [], hostKeyPolicy: 'ask' } });
    const neverAnswered = { ...asking.request, asker: { ...asking.request.asker, hostKey: () => new Promise<null>(() => {}) } };
    const before = attempt(sshd);
    before.abort.abort();
    const failures = [failureOf(connect(hanging.request)), failureOf(connect(neverAnswered)), failureOf(connect(before.request))];
    await sleep(300);
    const from = performance.now();
    hanging.abort.abort();
    asking.abort.abort();
    for (const failure of await Promise.all(failures))
      expect(failure).toMatchObject({ code: 'connection-lost', message: expect.stringContaining('cancelled') });
    expect(performance.now() - from).toBeLessThan(100);
  });

  test('something else than an SSH server is told so, without its escapes', async () => {
    const { port } = await serve((socket) => socket.end('HTTP/1.1 400 \u001b[31mBad\u001b[0m Request\r\n\r\n'));
    const sshd = await server();
    const failure = await failureOf(connect(attempt(sshd, { host: { port } }).request));
    expect(failure).toMatchObject({ code: 'refused', message: expect.stringContaining('is no SSH server') });
    expect(failure.message).toContain('HTTP/1.1 400 Bad Request');
  });

  test('a penalty notice is refused, with a wait', async () => {
    const { port } = await serve((socket) => socket.end('Not allowed at this time\r\n'));
    const sshd = await server();
    expect(await failureOf(connect(attempt(sshd, { host: { port } }).request))).toMatchObject({ code: 'refused', retryAfterMs: 15_000 });
  });

  test('verbosity: our words, then what was agreed, then ssh2’s, and no secret', async () => {
    const sshd = await server();
    const levels = async (verbosity: 0 | 1 | 2 | 3): Promise<number[]> => {
      const tried = attempt(sshd, { verbosity, host: { password: { env: 'SECRET' } }, answers: { secrets: ['correct horse'] } });
      await (await connect(tried.request)).end();
      expect(JSON.stringify(tried.notices)).not.toContain('correct horse');
      return [...new Set(tried.notices.flatMap((notice) => (notice.type === 'debug' ? [notice.level] : [])))].sort();
    };
    expect([await levels(0), await levels(1), await levels(2), await levels(3)]).toEqual([[], [1], [1, 2], [1, 2, 3]]);
  });

  test('compression, and ciphers by name; unknown ones are warned about, none left is refused', async () => {
    const sshd = await server({ config: { Compression: 'yes' } });
    await (await open(sshd, { host: { compression: true } })).end();
    const partly = attempt(sshd, {
      host: { ciphers: ['rot13', 'aes256-ctr'], kex: ['ecdh-sha2-nistp384'], macs: ['hmac-sha2-512'] },
      verbosity: 2,
    });
    await (await connect(partly.request)).end();
    expect(partly.notices).toContainEqual(expect.objectContaining({ type: 'warning', message: expect.stringContaining('rot13') }));
    expect(JSON.stringify(partly.notices)).toContain('agreed on ecdh-sha2-nistp384, ssh-ed25519, aes256-ctr, hmac-sha2-512');
    expect(await failureOf(connect(attempt(sshd, { host: { ciphers: ['rot13'] } }).request))).toMatchObject({ code: 'refused' });
    const nothing = attempt(await server({ config: { Ciphers: 'aes128-ctr' } }), { host: { ciphers: ['aes256-ctr'] } });
    expect(await failureOf(connect(nothing.request))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('nothing in common'),
    });
  });

  test('a banner is passed on without its escapes', async () => {
    const file = join(folder(), 'banner');
    const { writeFileSync } = await import('node:fs');
    writeFileSync(file, 'Authorised \u001b]0;gotcha\u0007use only\n');
    const tried = attempt(await server({ config: { Banner: file } }));
    await (await connect(tried.request)).end();
    expect(tried.notices).toContainEqual({ type: 'banner', text: expect.not.stringContaining('gotcha') });
    expect(tried.notices).toContainEqual({ type: 'banner', text: 'Authorised use only' });
  });
});
