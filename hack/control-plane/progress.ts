/**
 * Tells a waiting person what is being done and for how long.
 *
 * Owns: the line on standard error. Never: writes to standard output, which belongs to results.
 * Invariant: on a terminal one line that changes every second, elsewhere (a log) a line every 15 seconds and one at both ends.
 */
const TERMINAL_INTERVAL_MS = 1_000;
const LOG_INTERVAL_MS = 15_000;
const CLEAR_LINE = '\r\u001b[K';

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export class Progress {
  readonly #startedMs = performance.now();
  readonly #timer: NodeJS.Timeout;

  /**
   * @param title one line, said at once and in full.
   * @param detail asked for whenever the line is written: what is going on right now.
   */
  constructor(
    title: string,
    private readonly detail: () => string,
    private readonly stream: ProgressStream = process.stderr,
    /** Milliseconds between two lines. */
    intervalMs: number = stream.isTTY ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS,
  ) {
    stream.write(`${title}\n`);
    this.#timer = setInterval(() => this.#show(), intervalMs).unref();
  }

  get elapsedSeconds(): number {
    return Math.round((performance.now() - this.#startedMs) / 1_000);
  }

  /** Ends the line with a last one. */
  end(result: string): void {
    clearInterval(this.#timer);
    this.stream.write(`${this.stream.isTTY ? CLEAR_LINE : ''}${result} (${this.elapsedSeconds} s)\n`);
  }

  #show(): void {
    const line = `  ${this.elapsedSeconds} s: ${this.detail()}`;
    const { isTTY, columns = 80 } = this.stream;
    this.stream.write(isTTY ? CLEAR_LINE + line.slice(0, columns - 1) : `${line}\n`);
  }
}
