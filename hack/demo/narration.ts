/**
 * What the demo tells a person.
 *
 * Owns: the layout of lines. Never: rewrites a line, so that a log reads like a terminal.
 * Invariant: each line carries the time since the start, so that a slow step shows.
 */

export interface NarrationStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const STAMP_WIDTH = 8;
const BOLD = '\u001b[1m';
const PLAIN = '\u001b[0m';

export class Narration {
  private readonly startedMs = performance.now();
  private steps = 0;
  private title = '';

  constructor(
    private readonly total: number,
    private readonly stream: NarrationStream = process.stdout,
    private readonly colours: boolean = stream.isTTY === true && process.env['NO_COLOR'] === undefined,
  ) {}

  /** For messages about a failure, for example `step 3 (starting the manager)`. */
  get currentStep(): string {
    return this.steps === 0 ? 'the beginning' : `step ${this.steps} (${this.title})`;
  }

  get elapsedSeconds(): string {
    return ((performance.now() - this.startedMs) / 1_000).toFixed(1);
  }

  step(title: string): void {
    this.title = title;
    this.steps++;
    this.line(`${this.steps}/${this.total}  ${title}`, BOLD);
  }

  /** The end, which comes after any step. */
  last(title: string): void {
    this.line(`     ${title}`, BOLD);
  }

  /** What came out of the step, or happens in it. */
  note(text: string): void {
    this.line(`     ${text}`);
  }

  /** Lines without time. */
  block(text: string): void {
    this.stream.write(`${text}\n`);
  }

  private line(text: string, style?: string): void {
    const stamp = `${this.elapsedSeconds} s`.padStart(STAMP_WIDTH);
    const styled = this.colours && style !== undefined ? `${style}${text}${PLAIN}` : text;
    this.stream.write(`${stamp}  ${styled}\n`);
  }
}
