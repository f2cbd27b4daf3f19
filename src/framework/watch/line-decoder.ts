/**
 * Cuts a byte stream into lines.
 *
 * Owns: line ends, UTF-8 and the length limit. Never: reads JSON.
 * Invariant: a line comes out whole and once, wherever the chunk borders fell; at most one limit's worth of bytes is kept.
 */
const LINE_FEED = 0x0a;

/** A line, or the end of a stream, that cannot be read. */
export class LineError extends Error {
  override readonly name = 'LineError';
}

export class LineDecoder {
  private readonly utf8 = new TextDecoder('utf-8', { fatal: true });
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;

  constructor(private readonly maxLineBytes: number) {}

  /** The lines that `chunk` completes, without their ends; blank ones are left out. @throws {LineError} too long, or not UTF-8. */
  *push(chunk: Uint8Array): Generator<string, void> {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED, start); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.keep(chunk.subarray(start, end));
      start = end + 1;
      const line = this.take();
      if (line !== '') yield line;
    }
    this.keep(chunk.subarray(start));
  }

  /** Says that the stream is over. @throws {LineError} when it ended within a line. */
  end(): void {
    if (this.pendingBytes > 0) throw new LineError(`the stream ended within a line, after ${this.pendingBytes} bytes of it`);
  }

  private keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.pendingBytes += bytes.length;
    if (this.pendingBytes > this.maxLineBytes) throw new LineError(`a line is longer than ${this.maxLineBytes} bytes`);
    this.pending.push(bytes);
  }

  private take(): string {
    const bytes = this.pending.length === 1 ? this.pending[0]! : Buffer.concat(this.pending, this.pendingBytes);
    this.pending = [];
    this.pendingBytes = 0;
    try {
      return this.utf8.decode(bytes).trim();
    } catch (error) {
      throw new LineError('a line is not UTF-8', { cause: error });
    }
  }
}
