/** The lines of a file from its end to its beginning, read in pieces: no more is held than a piece and a line. */

const FIRST_PIECE = 64 * 1024;
const LARGEST_PIECE = 4 * 1024 * 1024;
const NEWLINE = 10;

export type Line = { bytes: Uint8Array; from: number };
type Read = (from: number, to: number) => Promise<Uint8Array>;

export class LinesFromEnd {
  private start: number;
  private held: Uint8Array = new Uint8Array();
  private piece = FIRST_PIECE;

  constructor(
    private readonly read: Read,
    size: number,
  ) {
    this.start = size;
  }

  /** The line before the last one that was given, null at the file's beginning. */
  async next(): Promise<Line | null> {
    for (;;) {
      let end = this.held.length;
      while (end > 0 && this.held[end - 1] === NEWLINE) end--;
      const cut = end > 0 ? this.held.lastIndexOf(NEWLINE, end - 1) : -1;
      if (end > 0 && (cut >= 0 || this.start === 0)) {
        const bytes = this.held.slice(cut + 1, end);
        this.held = this.held.subarray(0, cut + 1);
        return { bytes, from: this.start + cut + 1 };
      }
      if (this.start === 0) return null;
      await this.more(end);
    }
  }

  private async more(end: number): Promise<void> {
    const from = Math.max(0, this.start - this.piece);
    const before = await this.read(from, this.start);
    const joined = new Uint8Array(before.length + end);
    joined.set(before);
    joined.set(this.held.subarray(0, end), before.length);
    this.held = joined;
    this.start = from;
    this.piece = Math.min(this.piece * 2, LARGEST_PIECE);
  }
}
