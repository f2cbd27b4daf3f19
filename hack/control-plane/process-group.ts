/**
 * Processes and a temporary directory that cannot outlive this process, however it ends.
 *
 * Owns: the supervisor process (supervisor.ts) and the conversation with it.
 * Never: keeps this process alive while nothing is awaited; installs signal handlers.
 * Invariant: once `dispose` has resolved, or some 100 ms after this process has gone, neither a process nor a file is left, and what the
 * processes had started has been killed.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ExitStatus, SupervisorCommand, SupervisorReport } from './supervisor-protocol';

export interface ProcessOptions {
  readonly name: string;
  /** The executable, then its arguments. */
  readonly command: readonly string[];
  /** Absolute path that standard output and standard error are appended to. */
  readonly logFile: string;
  /** @default the environment of this process */
  readonly env?: NodeJS.ProcessEnv;
  /** @default the group's directory */
  readonly workingDirectory?: string;
}

/** A running member of a {@link ProcessGroup}. */
export interface SupervisedProcess {
  readonly name: string;
  readonly pid: number;
  /** Set once it has ended. */
  readonly status: ExitStatus | undefined;
  /** Waits until it has ended, for whatever reason; this process stays alive meanwhile. Never rejects. */
  ended(): Promise<ExitStatus>;
  /** Asks for its end and waits for it. Does nothing when it has ended already. */
  end(signal: NodeJS.Signals): Promise<void>;
}

type Waiter = { readonly started: (pid: number) => void; readonly failed: (error: Error) => void };

export class ProcessGroup {
  readonly #supervisor: ChildProcess;
  readonly #starting = new Map<string, Waiter>();
  readonly #running = new Map<string, (status: ExitStatus) => void>();
  #awaited = 0;

  private constructor(
    supervisor: ChildProcess,
    /** Absolute path of the group's own directory, removed with the group. */
    readonly directory: string,
  ) {
    this.#supervisor = supervisor;
    supervisor.on('message', (message) => this.#receive(message as SupervisorReport));
    supervisor.once('exit', () => this.#supervisorGone());
    supervisor.unref();
    supervisor.channel?.unref();
  }

  /**
   * @param directoryPrefix absolute path and beginning of the directory's name; random characters are added to it.
   * @throws {Error} when the supervisor cannot be started or the directory cannot be made.
   */
  static async create(directoryPrefix: string): Promise<ProcessGroup> {
    const { NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, ...env } = process.env;
    const supervisor = fork(join(__dirname, 'supervisor.js'), [directoryPrefix], {
      detached: true,
      execArgv: [],
      env,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const gone = once(supervisor, 'exit').then(() => undefined);
    const [first] = (await Promise.race([once(supervisor, 'message'), gone])) ?? [];
    const answer = first as SupervisorReport | undefined;
    if (answer?.type === 'ready') return new ProcessGroup(supervisor, answer.directory);
    const reason = answer?.type === 'noDirectory' ? answer.reason : 'it ended without an answer';
    throw new Error(`the process supervisor could not make the directory ${directoryPrefix}*: ${reason}`);
  }

  /**
   * Does work with the group, which is disposed of as soon as the signal aborts meanwhile; afterwards the signal has no effect.
   *
   * @throws the reason of `signal`, whatever the work makes of it, or what the work throws.
   */
  async untilAborted<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const dispose = (): void => void this.dispose();
    signal?.throwIfAborted();
    signal?.addEventListener('abort', dispose);
    try {
      const result = await work();
      signal?.throwIfAborted();
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', dispose);
    }
  }

  /** @throws {Error} when the executable cannot be run, or the group has been disposed of. */
  async start(options: ProcessOptions): Promise<SupervisedProcess> {
    const { name, command, logFile, env = process.env, workingDirectory = this.directory } = options;
    const [executable = '', ...args] = command;
    if (!this.#supervisor.connected) throw new Error(`${name} cannot be started: its process group has ended`);
    if (this.#running.has(name)) throw new Error(`${name} is running already`);
    let status: ExitStatus | undefined;
    const exited = new Promise<ExitStatus>((resolve) => {
      this.#running.set(name, (ended) => {
        status = ended;
        resolve(ended);
      });
    });
    const pid = await this.#awaiting(
      new Promise<number>((started, failed) => {
        this.#starting.set(name, { started, failed });
        this.#send({ type: 'start', name, command: executable, args, env: withoutUnset(env), workingDirectory, logFile });
      }),
    );
    return {
      name,
      pid,
      ended: () => this.#awaiting(exited),
      get status() {
        return status;
      },
      end: async (signal) => {
        if (status !== undefined) return;
        this.#send({ type: 'signal', name, signal });
        await this.#awaiting(exited);
      },
    };
  }

  /** Kills everything and removes the directory. May be called again, also at the same time. */
  async dispose(): Promise<void> {
    const supervisor = this.#supervisor;
    if (supervisor.exitCode !== null || supervisor.signalCode !== null) return;
    const gone = once(supervisor, 'exit');
    this.#send({ type: 'dispose' });
    await this.#awaiting(gone);
  }

  #receive(report: SupervisorReport): void {
    if (report.type === 'started') {
      this.#starting.get(report.name)?.started(report.pid);
      this.#starting.delete(report.name);
    } else if (report.type === 'notStarted') {
      this.#starting.get(report.name)?.failed(new Error(`${report.name} cannot be started: ${report.reason}`));
      this.#starting.delete(report.name);
      this.#running.delete(report.name);
    } else if (report.type === 'exited') {
      const ended = this.#running.get(report.name);
      this.#running.delete(report.name);
      ended?.(report.status);
    }
  }

  /** Disposed of, or killed from outside: then its children have lost their owner, and its work is done here. */
  #supervisorGone(): void {
    if (this.#supervisor.pid !== undefined) killGroup(this.#supervisor.pid);
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    for (const { failed } of this.#starting.values()) failed(new Error('the process supervisor has ended'));
    for (const ended of this.#running.values()) ended({ signal: 'SIGKILL' });
    this.#starting.clear();
    this.#running.clear();
  }

  #send(command: SupervisorCommand): void {
    this.#supervisor.send(command, (error) => {
      if (error && command.type === 'start') this.#starting.get(command.name)?.failed(error);
    });
  }

  /** Keeps this process alive exactly as long as somebody waits for the supervisor. */
  async #awaiting<T>(promise: Promise<T>): Promise<T> {
    if (this.#awaited++ === 0) {
      this.#supervisor.ref();
      this.#supervisor.channel?.ref();
    }
    try {
      return await promise;
    } finally {
      if (--this.#awaited === 0) {
        this.#supervisor.unref();
        this.#supervisor.channel?.unref();
      }
    }
  }
}

function killGroup(leaderPid: number): void {
  try {
    process.kill(-leaderPid, 'SIGKILL');
  } catch {
    // Nothing is left in the group, which is the rule.
  }
}

function withoutUnset(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
