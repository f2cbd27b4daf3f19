/**
 * A program under test as a process of its own.
 *
 * Owns: its output, its end, and that it does not outlive the test run. Never: knows what the program does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { poll } from './poll';

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class TestProcess {
  readonly exited: Promise<Exit>;
  private readonly child: ChildProcess;
  private output = '';
  private exit: Exit | undefined;

  /**
   * Runs on the Node.js of this process. Only what `env` holds is inherited, plus PATH and HOME.
   *
   * @param via a program, with its arguments, that turns into the one after them, for example `ip netns exec NAME`.
   */
  constructor(
    readonly name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    via: readonly string[] = [],
  ) {
    const { PATH = '', HOME = '' } = process.env;
    const [program = process.execPath, ...rest] = [...via, process.execPath, ...args];
    this.child = spawn(program, rest, { env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this.child);
    // A test that failed before it stopped its processes must not keep the run from ending, which then kills them.
    this.child.unref();
    for (const stream of [this.child.stdout as Socket, this.child.stderr as Socket]) {
      stream.unref();
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        running.delete(this.child);
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Everything it has printed so far, both streams. */
  get log(): string {
    return this.output;
  }

  get isRunning(): boolean {
    return this.exit === undefined;
  }

  /** The lines it has printed so far, without the one whose end has not come through the pipe yet. */
  get lines(): string[] {
    return this.output.slice(0, Math.max(0, this.output.lastIndexOf('\n'))).split('\n');
  }

  /** @returns the log lines whose message is `message`, parsed. */
  logLines(message: string): Record<string, unknown>[] {
    return this.lines
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line['msg'] === message);
  }

  /** Polls until `probe` yields something; fails at once with the log when the process has ended. */
  async until<T>(what: string, probe: () => Promise<T | undefined | false> | T | undefined | false, timeoutMs?: number): Promise<T> {
    return poll(
      `${this.name}: ${what}`,
      async () => {
        if (this.exit !== undefined)
          throw new Error(`${this.name} ended with ${JSON.stringify(this.exit)} before: ${what}\n${this.output}`);
        return probe();
      },
      { ...(timeoutMs === undefined ? {} : { timeoutMs }), onTimeout: () => this.output.slice(-4_000) },
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** SIGTERM, and SIGKILL when it has not ended after a minute. */
  async stop(): Promise<Exit> {
    if (this.exit !== undefined) return this.exit;
    this.child.kill('SIGTERM');
    const hard = setTimeout(() => this.child.kill('SIGKILL'), 60_000);
    const exit = await this.exited;
    clearTimeout(hard);
    return exit;
  }

  async kill(): Promise<Exit> {
    this.child.kill('SIGKILL');
    return this.exited;
  }

  /** Resident memory in bytes, from the kernel. */
  async rssBytes(): Promise<number> {
    const { readFile } = await import('node:fs/promises');
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1_024;
  }
}
