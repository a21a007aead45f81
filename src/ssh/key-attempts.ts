/** The keys to try, in ssh's order: the agent's that match an identity file, the agent's others, then the files' own. */
import type { ParsedKey } from 'ssh2';
import { agentSocket, listAgentKeys, OneKeyAgent, signByAgent, usableKey, type Sign } from './agent.ts';
import type { AuthContext } from './auth-context.ts';
import { throwIfExhausted } from './exhausted.ts';
import { readIdentity, rememberedKey, unlock, type Identity } from './identity.ts';
import { WrongPassphrase } from './private-key.ts';
import { fingerprint, isCertificate, isSecurityKey, type PublicKey } from './public-key.ts';
import { errorText } from './to-failure.ts';

export interface KeyAttempt {
  /** `/home/me/.ssh/id_ed25519 (SHA256:…)`. */
  readonly label: string;
  readonly agent: OneKeyAgent;
}

const HUMAN_TRIES = 3;

export async function* keyAttempts(context: AuthContext): AsyncGenerator<KeyAttempt, void> {
  if (context.request.host.certificateFiles.length > 0)
    context.warn('certificates are not supported yet: certificate_file is left out', null);
  const identities = await readIdentities(context);
  const socket = agentSocket(context.request.host.agent);
  const agentKeys = socket === null ? [] : await listUsable(socket, identities, context);
  for (const key of agentKeys) {
    const parsed = usableKey(key);
    if (parsed && socket !== null)
      yield attempt(`agent key ${key.comment || key.type}`, parsed, context.patiently(signByAgent(socket, parsed)));
  }
  for (const identity of identities) {
    const { publicKey } = identity;
    if (identity.text === null || agentKeys.some((key) => publicKey?.blob.equals(key.blob))) continue;
    const found = await fileAttempt(identity, context);
    if (found) yield found;
  }
}

const attempt = (what: string, key: ParsedKey, sign: Sign): KeyAttempt => ({
  label: `${what} (${fingerprint(key.getPublicSSH())})`,
  agent: new OneKeyAgent(key, sign),
});

async function readIdentities(context: AuthContext): Promise<Identity[]> {
  const { host } = context.request;
  const identities: Identity[] = [];
  for (const path of new Set(host.identityFiles)) {
    const read = await readIdentity(path);
    if (read.ok) identities.push(read.identity);
    else if (host.identityFilesExplicit || !read.missing) context.keyProblem(read.problem, read.hint, host.identityFilesExplicit);
    else context.debug(2, `no key at ${path}`);
  }
  return identities;
}

async function listUsable(socket: string, identities: readonly Identity[], context: AuthContext): Promise<PublicKey[]> {
  const { host } = context.request;
  try {
    const keys = await listAgentKeys(socket);
    context.debug(1, `the agent holds ${keys.length} ${keys.length === 1 ? 'key' : 'keys'}`);
    const rank = (key: PublicKey): number => {
      const index = identities.findIndex((identity) => identity.publicKey?.blob.equals(key.blob));
      return index < 0 ? identities.length : index;
    };
    const wanted = host.identitiesOnly ? keys.filter((key) => rank(key) < identities.length) : keys;
    return wanted.filter((key) => usable(key, `the agent's key ${key.comment}`, context)).sort((a, b) => rank(a) - rank(b));
  } catch (error) {
    throwIfExhausted(error, 'ask the agent');
    const message = `cannot use the agent: ${errorText(error)}`;
    if (host.agent === 'auto') context.debug(1, message);
    else context.warn(message, 'check agent, or start ssh-agent');
    return [];
  }
}

function usable(key: PublicKey, what: string, context: AuthContext): boolean {
  if (isSecurityKey(key.type)) {
    context.warn(
      `${what} is on a security key (${key.type}), which the in-process client cannot use`,
      'set transport: openssh for this host',
    );
    return false;
  }
  if (isCertificate(key.type)) context.debug(1, `${what} is a certificate, which is not supported yet`);
  return !isCertificate(key.type) && usableKey(key) !== null;
}

async function fileAttempt(identity: Identity, context: AuthContext): Promise<KeyAttempt | null> {
  const { path, publicKey } = identity;
  if (publicKey) {
    if (!usable(publicKey, `the key ${path}`, context)) return null;
    const shown = usableKey(publicKey);
    return shown && attempt(`key ${path}`, shown, async (data, hash) => signature(await open(identity, context), data, hash));
  }
  // Nothing to show the server before the file is decrypted.
  try {
    const key = await open(identity, context);
    return attempt(`key ${path}`, key, async (data, hash) => signature(key, data, hash));
  } catch {
    return null;
  }
}

function signature(key: ParsedKey, data: Buffer, hash: string | undefined): Buffer {
  const signed: Buffer | Error = key.sign(data, hash);
  if (signed instanceof Error) throw signed;
  return signed;
}

/** Decrypts, asking for the passphrase. What goes wrong is noted for the failure that may come of it. */
async function open(identity: Identity, context: AuthContext): Promise<ParsedKey> {
  const kept = rememberedKey(identity);
  if (kept) return kept;
  try {
    return identity.encrypted ? await askAndUnlock(identity, context) : await unlock(identity, null);
  } catch (error) {
    if (!(error instanceof NoPassphrase)) context.keyProblem(`cannot use the key ${identity.path}: ${errorText(error)}`, null, true);
    throw error;
  }
}

class NoPassphrase extends Error {}

async function askAndUnlock(identity: Identity, context: AuthContext): Promise<ParsedKey> {
  const source = context.request.host.passphrase;
  const { path } = identity;
  let wrong = '';
  for (let tries = context.isHuman(source) ? HUMAN_TRIES : 1; tries > 0; tries -= 1) {
    const passphrase = await context.ask({
      kind: 'passphrase',
      prompt: `${wrong}Enter passphrase for key '${path}': `,
      echo: false,
      keyFile: path,
      source,
    });
    if (passphrase === null || passphrase === '') {
      context.passphraseMissing(`the key ${path} is encrypted, and there is nobody to ask for its passphrase`);
      throw new NoPassphrase();
    }
    try {
      return await context.patiently(() => unlock(identity, passphrase))();
    } catch (error) {
      if (!(error instanceof WrongPassphrase)) throw error;
      context.debug(1, `wrong passphrase for ${path}`);
      wrong = 'wrong passphrase, try again. ';
    }
  }
  context.passphraseMissing(`the passphrase given for the key ${path} is wrong`);
  throw new NoPassphrase();
}
