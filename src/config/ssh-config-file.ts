/**
 * An ssh_config that a project names is read by ssh, and reading one can run commands (`Match exec`), here or in a file it includes.
 * Nobody has agreed to those yet, so a file with any line that is not known to be harmless is refused before ssh sees it.
 */
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok, type Result } from '../core/result.ts';
import { isInside } from './find.ts';
import { readText } from './text-file.ts';

export interface RefusedConfig {
  readonly code: 'file-missing' | 'unsupported';
  readonly message: string;
  readonly hint: string | null;
}

/** What neither runs a command nor loads code when ssh reads it (ssh_config(5)). All else is refused, what ssh learns later included. */
const HARMLESS = new Set(
  `AddKeysToAgent AddressFamily BatchMode BindAddress BindInterface CASignatureAlgorithms CertificateFile CheckHostIP Ciphers Compression
  ConnectionAttempts ConnectTimeout ControlMaster ControlPath ControlPersist DynamicForward ExitOnForwardFailure ForwardAgent GatewayPorts
  GlobalKnownHostsFile GSSAPIAuthentication HashKnownHosts Host HostKeyAlgorithms HostKeyAlias HostName IdentitiesOnly IdentityAgent
  IdentityFile IPQoS KbdInteractiveAuthentication KexAlgorithms LocalForward LogLevel MACs NumberOfPasswordPrompts PasswordAuthentication
  Port PreferredAuthentications ProxyJump PubkeyAcceptedAlgorithms PubkeyAcceptedKeyTypes PubkeyAuthentication RekeyLimit RemoteForward
  RequestTTY ServerAliveCountMax ServerAliveInterval StrictHostKeyChecking TCPKeepAlive UpdateHostKeys User UserKnownHostsFile
  VerifyHostKeyDNS VisualHostKey`
    .toLowerCase()
    .split(/\s+/),
);
const MATCH_ALONE = new Set(['all', 'final', 'canonical']);
const MATCH_WITH_PATTERNS = new Set(['host', 'originalhost', 'user', 'localuser']);

/** One reading only: no quote, no escape, no second `=`, nothing that is expanded by a shell or from the environment. */
const PLAIN_LINE = /^[ \t]*([A-Za-z0-9]+)(?:[ \t]*=[ \t]*|[ \t]+)([\p{L}\p{N}_.,:/@%+*?!~^[\] \t-]+)$/u;
const HOST_LIKE = /^[A-Za-z0-9_[](?:[A-Za-z0-9_.:[\]-]*[A-Za-z0-9_.\]])?$/;
/** Old releases of ssh take what is beyond their buffer, even of a comment, for another line. */
const LONGEST_LINE = 1000;

/** The user's and the system's own folders; a relative name is in ~/.ssh too. */
const isOwn = (path: string): boolean =>
  !/(?:^|\/)\.\.(?:\/|$)/.test(path) && (/^(?:~\/\.ssh|\/etc\/ssh)\//.test(path) || !/^[~/]|%/.test(path));

interface Objection {
  readonly what: string;
  readonly hint: string;
}

const TO_OWN = 'put that into ~/.ssh/config, and leave ssh_config out';

function objectionTo(line: string): Objection | null {
  if (line.length > LONGEST_LINE) return { what: `is longer than ${LONGEST_LINE} characters`, hint: 'shorten it' };
  if (/^[ \t]*(?:#|$)/.test(line)) return null;
  const [, written = '', rest = ''] = PLAIN_LINE.exec(line) ?? [];
  if (written === '')
    return {
      what: 'is not a keyword and plain words',
      hint: `without quotes, escapes and $, and with a comment on a line of its own; or ${TO_OWN}`,
    };
  const keyword = written.toLowerCase();
  const words = rest.split(/[ \t]+/).filter((word) => word !== '');
  if (words.length === 0) return { what: `has no value for ${written}`, hint: 'write one, or remove the line' };
  if (keyword === 'include')
    return words.every(isOwn)
      ? null
      : { what: 'includes a file from elsewhere', hint: 'include files of ~/.ssh only, or write them into this one' };
  if (keyword === 'match') return objectionToMatch(words);
  if (keyword === 'hostkeyalias' && !(words.length === 1 && HOST_LIKE.test(words[0] ?? '')))
    return { what: 'has a HostKeyAlias that is no host name', hint: 'write a host name' };
  return HARMLESS.has(keyword) ? null : { what: `has ${written}, which a file of the project may not set`, hint: TO_OWN };
}

function objectionToMatch(words: readonly string[]): Objection | null {
  for (let at = 0; at < words.length; at += 1) {
    const criterion = (words[at] ?? '').replace(/^!/, '').toLowerCase();
    if (MATCH_ALONE.has(criterion)) continue;
    if (criterion === 'exec') return { what: 'runs a command (Match exec)', hint: TO_OWN };
    if (!MATCH_WITH_PATTERNS.has(criterion))
      return { what: `has Match ${criterion}, which a file of the project may not set`, hint: TO_OWN };
    at += 1;
    if (words[at] === undefined) return { what: `has no pattern for Match ${criterion}`, hint: 'write one' };
  }
  return null;
}

/** `path` is absolute, `shown` is how the file names it. */
export async function checkConfigFile(
  path: string,
  { shown, home }: { readonly shown: string; readonly home: string },
): Promise<Result<true, RefusedConfig>> {
  const text = await readText(path);
  if (!text.ok) return err({ code: 'file-missing', message: `${shown} ${text.error.why}`, hint: null });
  const real = await realpath(path).catch(() => path);
  // The user's own, and the system's: ssh reads them anyway.
  if ([join(home, '.ssh'), '/etc/ssh'].some((folder) => isInside(folder, real))) return ok(true);
  for (const [index, line] of text.value.split(/\r?\n/).entries()) {
    const objection = objectionTo(line);
    if (objection)
      return err({ code: 'unsupported', message: `${shown} is refused: its line ${index + 1} ${objection.what}`, hint: objection.hint });
  }
  return ok(true);
}
