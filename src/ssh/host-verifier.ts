/** Carries out the verdict on a server's key: asks, remembers, warns, or refuses. */
import { FailureError } from '../core/failure.ts';
import type { ConnectRequest } from './connect-request.ts';
import type { Deadline } from './deadline.ts';
import { judgeHostKey, knownTypes, type HostKeyVerdict } from './host-key.ts';
import { knownHostsName } from './known-hosts.ts';
import { appendKnownHost, readKnownHosts, type KnownHostsRead } from './known-hosts-file.ts';
import { blobType, fingerprint } from './public-key.ts';
import { errorText } from './to-failure.ts';

type Asked = Pick<ConnectRequest, 'host' | 'port' | 'asker' | 'notify' | 'signal' | 'verbosity'>;

/** Keys that were accepted and could not be stored, by file and name: a reconnect neither asks again nor takes another one. */
const unstored = new Map<string, Buffer>();

export class HostVerifier {
  private readonly request: Asked;
  private readonly known: KnownHostsRead;
  private accepted: Buffer | null = null;
  /** The type of a key that is not the pinned one. */
  mismatchedType: string | null = null;

  private constructor(request: Asked, known: KnownHostsRead) {
    this.request = request;
    this.known = known;
  }

  /** Reads known_hosts anew: another connection may have added to it. */
  static async prepare(request: Asked): Promise<HostVerifier> {
    const { host, notify } = request;
    const known = await readKnownHosts(host.knownHosts, nameOf(request));
    for (const problem of known.unreadable)
      notify({ type: 'warning', message: `cannot read known_hosts ${problem}`, hint: 'host keys in it are not taken into account' });
    return new HostVerifier(request, known);
  }

  get preferredTypes(): readonly string[] {
    return knownTypes(this.known.lookup, this.request.host.hostKeys);
  }

  /**
   * At a rekey: null where the key is the one accepted first, else the failure; undefined where none was accepted yet. It has to be
   * decided in the same turn: ssh2 sends what other channels write unguarded while a rekey waits for the verdict.
   */
  recheck(key: Buffer): FailureError | null | undefined {
    if (this.accepted === null) return undefined;
    if (this.accepted.equals(key)) return null;
    return this.fail('host-key-changed', 'the server showed another host key when the keys were renewed', null);
  }

  /** Resolves when the key is trusted; rejects with a host-key failure. */
  async verify(key: Buffer, deadline: Deadline): Promise<void> {
    const { host, notify, verbosity } = this.request;
    const seen = fingerprint(key);
    if (verbosity > 0) notify({ type: 'debug', level: 1, message: `server host key: ${blobType(key) ?? 'unknown'} ${seen}` });
    const verdict = judgeHostKey({ key, pins: host.hostKeys, lookup: this.known.lookup, policy: host.hostKeyPolicy });
    const trusted = await this.carryOut(verdict, key, deadline);
    this.accepted = key;
    notify({ type: 'host-key', fingerprint: seen, trusted });
  }

  private async carryOut(verdict: HostKeyVerdict, key: Buffer, deadline: Deadline): Promise<string> {
    const seen = fingerprint(key);
    switch (verdict.verdict) {
      case 'trusted':
        return verdict.by;
      case 'changed':
        this.mismatchedType = blobType(key);
        throw this.fail(
          'host-key-changed',
          `the host key is ${seen}, not ${verdict.expected}${verdict.at ? ` as in ${verdict.at}` : ' as pinned by host_key'}`,
          verdict.at
            ? `either somebody is in between, or the server was set up anew: ask its administrator, then remove that line`
            : 'either somebody is in between, or the server was set up anew: ask its administrator, then change host_key',
        );
      case 'revoked':
        throw this.fail(
          'host-key-revoked',
          `the host key ${seen} is marked as revoked in ${verdict.at}`,
          'do not connect: ask the server’s administrator',
        );
      case 'ignored':
        this.warn(
          verdict.instead ? `the host key ${seen} is not the one in ${verdict.instead}` : `the host key ${seen} is not verified`,
          'host_key_policy is ignore: anybody in between could read and change the traffic',
        );
        return 'host_key_policy: ignore';
      case 'accept-new':
        if (this.isKept(key)) return 'accepted before';
        return `host_key_policy: accept-new${await this.remember(key)}`;
      case 'ask':
        if (this.isKept(key)) return 'accepted before';
        if ((await this.ask(key, deadline)) !== 'yes') throw this.unknown(key);
        return `confirmed${await this.remember(key)}`;
      case 'unknown':
        throw this.unknown(key);
    }
  }

  private ask(key: Buffer, deadline: Deadline): Promise<'yes' | 'no' | null> {
    const { host, asker, signal } = this.request;
    const question = {
      host: host.name,
      address: nameOf(this.request),
      algorithm: blobType(key) ?? 'unknown',
      fingerprint: fingerprint(key),
    };
    return deadline.without(() => asker.hostKey(question, signal));
  }

  /** What to add to the notice: where the key is from now on. */
  private async remember(key: Buffer): Promise<string> {
    const file = this.request.host.knownHosts[0];
    if (file === undefined) return '';
    try {
      return (await appendKnownHost(file, nameOf(this.request), key)) ? `, stored in ${file}` : '';
    } catch (error) {
      unstored.set(this.keptAs, key);
      this.warn(`the host key is not stored in ${file}: ${errorText(error)}`, 'it is trusted until this program ends; check known_hosts');
      return '';
    }
  }

  private get keptAs(): string {
    return `${nameOf(this.request)} ${this.request.host.knownHosts[0] ?? ''}`;
  }

  private isKept(key: Buffer): boolean {
    const kept = unstored.get(this.keptAs);
    if (kept === undefined || kept.equals(key)) return kept !== undefined;
    const message = `the host key is ${fingerprint(key)}, not ${fingerprint(kept)} as accepted before`;
    throw this.fail('host-key-changed', message, 'either somebody is in between, or the server was set up anew: ask its administrator');
  }

  private warn(message: string, hint: string): void {
    this.request.notify({ type: 'warning', message: `${this.request.host.name}: ${message}`, hint });
  }

  private unknown(key: Buffer): FailureError {
    const type = (blobType(key) ?? 'unknown').replace(/^(ssh|ecdsa-sha2)-/, '');
    const { host, port } = this.request;
    const scan = `ssh-keyscan ${port === 22 ? '' : `-p ${port} `}${host.hostname}`;
    return this.fail(
      'host-key-unknown',
      `the host key is not known: ${type} ${fingerprint(key)}`,
      `compare it with what the administrator gives, then pin it (host_key: ${fingerprint(key)}), add what \`${scan}\` prints to known_hosts, or set host_key_policy: accept-new`,
    );
  }

  private fail(code: 'host-key-unknown' | 'host-key-changed' | 'host-key-revoked', message: string, hint: string | null): FailureError {
    return new FailureError({ code, message: `${this.request.host.name}: ${message}`, hint });
  }
}

/** A port that was allocated for a tunnel says nothing of the host behind it and changes: the host's own name is used then. */
function nameOf({ host, port }: Pick<ConnectRequest, 'host' | 'port'>): string {
  if (host.hostKeyAlias !== null) return host.hostKeyAlias.toLowerCase();
  return host.port === 0 ? host.name.toLowerCase() : knownHostsName(host.hostname, port);
}
