/** What one write gave a channel and was not sent yet, taken off a packet at a time. */
const NOTHING: Buffer = Buffer.alloc(0);

export class Unsent {
  private rest: Buffer = NOTHING;
  private more: Buffer[] = [];

  get isEmpty(): boolean {
    return this.rest.length === 0;
  }

  /** Takes `chunks` over, once all before was taken off. */
  set(chunks: Buffer[]): void {
    this.more = chunks;
    this.skipEmpty();
  }

  clear(): void {
    this.rest = NOTHING;
    this.more = [];
  }

  /** The next `most` bytes: a piece of one chunk where that fills the packet, else small ones put together (an inner hop's packets). */
  take(most: number): Buffer {
    if (this.rest.length >= most || this.more.length === 0) {
      const packet = this.rest.length <= most ? this.rest : this.rest.subarray(0, most);
      this.rest = this.rest.subarray(packet.length);
      this.skipEmpty();
      return packet;
    }
    const pieces: Buffer[] = [];
    let bytes = 0;
    while (bytes < most && this.rest.length > 0) {
      const piece = this.rest.subarray(0, most - bytes);
      pieces.push(piece);
      bytes += piece.length;
      this.rest = this.rest.subarray(piece.length);
      this.skipEmpty();
    }
    return Buffer.concat(pieces, bytes);
  }

  private skipEmpty(): void {
    while (this.rest.length === 0) {
      const next = this.more.shift();
      if (!next) {
        this.rest = NOTHING;
        return;
      }
      this.rest = next;
    }
  }
}
