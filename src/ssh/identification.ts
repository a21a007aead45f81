/** What a server says before the protocol begins (RFC 4253 §4.2): its identification, or why it will not talk. */
import { sanitiseLine } from './sanitise.ts';

const MAX_CHARACTERS = 8_192;

export interface IdentificationReader {
  /** To be given the bytes of the transport as they come; only the first are kept. */
  read(data: Buffer): void;
  /** `SSH-2.0-OpenSSH_9.2p1`, or what has come in its place. */
  readonly text: string;
}

export function identificationReader(): IdentificationReader {
  let text = '';
  let done = false;
  return {
    read(data) {
      if (done) return;
      text += data.toString('latin1');
      const line = /^SSH-.*$/m.exec(text)?.[0];
      done = text.length > MAX_CHARACTERS || (line !== undefined && text.includes('\n', text.indexOf(line)));
      if (done && line !== undefined) text = line;
    },
    get text() {
      return sanitiseLine(text, 255);
    },
  };
}
