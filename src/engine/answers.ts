/** What was answered while the first connection to a host logged in: the further ones log in with it, and nobody is asked again. */
import type { Asker, HostKeyQuestion, SecretRequest } from '../ssh/connect-request.ts';

const secretKey = ({ kind, prompt, keyFile }: SecretRequest): string => JSON.stringify([kind, prompt, keyFile]);
const hostKeyKey = ({ address, fingerprint }: HostKeyQuestion): string => `${address} ${fingerprint}`;

export class Answers {
  readonly #secrets = new Map<string, string>();
  readonly #trusted = new Set<string>();

  /** Asks, and remembers. A one-time code is of no use a second time. */
  asking(asker: Asker): Asker {
    return {
      secret: async (request, signal) => {
        const answer = await asker.secret(request, signal);
        if (answer !== null && request.kind !== 'otp') this.#secrets.set(secretKey(request), answer);
        return answer;
      },
      hostKey: async (question, signal) => {
        const answer = await asker.hostKey(question, signal);
        if (answer === 'yes') this.#trusted.add(hostKeyKey(question));
        return answer;
      },
    };
  }

  /** For one attempt to connect: answers from memory, each answer once, so that a rejected one is not sent again. */
  repeating(asker: Asker): Asker {
    const spent = new Set<string>();
    return {
      secret: async (request, signal) => {
        const key = secretKey(request);
        if (spent.has(key)) return null;
        spent.add(key);
        const known = this.#secrets.get(key);
        if (known !== undefined) return known;
        return request.source && 'env' in request.source ? asker.secret(request, signal) : null;
      },
      hostKey: async (question) => (this.#trusted.has(hostKeyKey(question)) ? 'yes' : null),
    };
  }

  forget(): void {
    this.#secrets.clear();
    this.#trusted.clear();
  }
}
