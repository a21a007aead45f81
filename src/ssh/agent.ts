/** ssh-agent (draft-miller-ssh-agent): its keys, of every type, and agents of one key each, as authentication tries one after the other. */
import { connect } from 'node:net';
import ssh2, { type BaseAgent, type ParsedKey, type SigningRequestOptions } from 'ssh2';
import { blobType, type PublicKey } from './public-key.ts';

const LIST_TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 1 << 20;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;

/** The agent's socket: `auto` is $SSH_AUTH_SOCK, `none` is none. */
export function agentSocket(agent: string): string | null {
  if (agent === 'none') return null;
  return agent === 'auto' ? process.env['SSH_AUTH_SOCK'] || null : agent;
}

/** All keys, those ssh2 cannot use included (ssh2's own listing drops them unsaid). Rejects with an Error within 5 s. */
export function listAgentKeys(path: string): Promise<PublicKey[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let received = Buffer.alloc(0);
    const finish = (result: PublicKey[] | Error): void => {
      clearTimeout(timer);
      socket.destroy();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    const timer = setTimeout(() => finish(new Error(`the agent at ${path} does not answer`)), LIST_TIMEOUT_MS);
    socket.on('error', finish);
    socket.on('close', () => finish(new Error(`the agent at ${path} closed the connection`)));
    socket.on('connect', () => socket.write(Buffer.from([0, 0, 0, 1, REQUEST_IDENTITIES])));
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data]);
      if (received.length < 4) return;
      const length = received.readUInt32BE(0);
      if (length > MAX_ANSWER_BYTES) finish(new Error(`the agent at ${path} gave a malformed answer`));
      else if (received.length >= 4 + length) finish(parseAnswer(received.subarray(4, 4 + length)));
    });
  });
}

function parseAnswer(answer: Buffer): PublicKey[] | Error {
  const malformed = new Error('the agent gave a malformed answer');
  if (answer.length < 5 || answer[0] !== IDENTITIES_ANSWER) return malformed;
  const keys: PublicKey[] = [];
  let at = 5;
  const next = (): Buffer | null => {
    if (at + 4 > answer.length) return null;
    const end = at + 4 + answer.readUInt32BE(at);
    if (end > answer.length) return null;
    const bytes = Buffer.from(answer.subarray(at + 4, end));
    at = end;
    return bytes;
  };
  for (let left = answer.readUInt32BE(1); left > 0; left -= 1) {
    const blob = next();
    const comment = next();
    if (!blob || !comment) return malformed;
    const type = blobType(blob);
    if (type !== null) keys.push({ type, blob, comment: comment.toString('utf8') });
  }
  return keys;
}

/** Signs `data` with a hash for RSA keys (RFC 8332): in ssh2's own form of signatures. */
export type Sign = (data: Buffer, hash: SigningRequestOptions['hash']) => Promise<Buffer>;

type SignCallback = (error?: Error | null, signature?: Buffer) => void;
/** The options may be left out. */
type SignArguments = [key: unknown, data: Buffer, options: SigningRequestOptions | SignCallback, callback?: SignCallback];

/**
 * An agent of one key. Keys of files go this way too: the server is asked first whether it would take the key, and the passphrase
 * is asked for only then, as ssh does.
 */
export class OneKeyAgent extends ssh2.BaseAgent<ParsedKey> {
  private readonly publicKey: ParsedKey;
  private readonly signWith: Sign;

  constructor(publicKey: ParsedKey, signWith: Sign) {
    super();
    this.publicKey = publicKey;
    this.signWith = signWith;
  }

  override getIdentities(callback: (error?: Error | null, keys?: ParsedKey[]) => void): void {
    callback(null, [this.publicKey]);
  }

  override sign(...[, data, optionsOrCallback, last]: SignArguments): void {
    const options = typeof optionsOrCallback === 'function' ? {} : optionsOrCallback;
    const callback = typeof optionsOrCallback === 'function' ? optionsOrCallback : last;
    this.signWith(data, options.hash).then(
      (signature) => callback?.(null, signature),
      (error: unknown) => callback?.(error instanceof Error ? error : new Error(String(error))),
    );
  }
}

/** Null for a type ssh2 cannot use. */
export function usableKey({ type, blob }: PublicKey): ParsedKey | null {
  const parsed = ssh2.utils.parseKey(`${type} ${blob.toString('base64')}`);
  return parsed instanceof Error ? null : parsed;
}

export function signByAgent(path: string, key: ParsedKey): Sign {
  const agent: BaseAgent = ssh2.createAgent(path);
  return (data, hash) =>
    new Promise((resolve, reject) => {
      agent.sign(key, data, hash ? { hash } : {}, (error, signature) => {
        if (signature && !error) resolve(signature);
        else reject(error ?? new Error('the agent did not sign'));
      });
    });
}
