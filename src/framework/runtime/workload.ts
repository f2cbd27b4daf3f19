/**
 * Everything that only a leader does, as one thing that begins and ends: leader hooks, queues, daemons.
 *
 * Expected flow: begin -> (work) -> end, when leadership was lost, any number of times; or drain -> endHooks, at shutdown.
 * Guarantees: no handler starts before the leader start-up hooks have succeeded or after `end` or `drain` was called; every term whose
 * start-up hooks were begun runs the shutdown hooks once.
 * Assumptions: runs honour the signal of the term, which whoever calls `end` has aborted.
 * Caveats: a run that ignores its signal goes on; it is what the answers of `end` and `drain` tell.
 * Errors: `begin` rejects with the error of a start-up hook; nothing else is thrown.
 */
import type { KeyedQueue } from '../queue/keyed-queue';
import type { Clock } from '../time/clock';
import { sleep } from '../time/sleep';
import type { ProcessContext } from './context';
import type { Fleet } from './fleet';
import type { ProcessHooks } from './process-hooks';
import type { Steps } from './steps';

/** After running handlers were told to abort, they get this long. */
const ABORT_GRACE_MS = 3_000;

/** A queue that hands out keys only while this process leads. */
export interface LeaderOnly {
  readonly queue: KeyedQueue;
  /** Looks at everything there is, then lets keys run. */
  activate(): void;
  /** No new run starts; what waits is forgotten. */
  deactivate(): void;
}

export interface WorkloadOptions {
  readonly dispatcher: () => Pick<Fleet, 'controllers' | 'activate' | 'stopDaemons'> | undefined;
  readonly hooks: ProcessHooks;
  /** What leader hooks get; their client asks the guard. */
  readonly context: (signal: AbortSignal) => ProcessContext;
  readonly clock: Clock;
  /** Told of every step of a beginning. */
  readonly steps: () => Pick<Steps, 'done'>;
}

export class Workload {
  private readonly joined: LeaderOnly[] = [];
  private isActive = false;
  private owesShutdownHooks = false;

  constructor(private readonly options: WorkloadOptions) {}

  /** Adds a queue that no decorator declares. */
  join(work: LeaderOnly): void {
    this.joined.push(work);
    if (this.isActive) work.activate();
  }

  async begin(signal: AbortSignal): Promise<void> {
    this.owesShutdownHooks = true;
    const steps = this.options.steps();
    await this.options.hooks.startUp('leader', this.options.context(signal));
    if (signal.aborted) return;
    steps.done('leader hooks');
    this.isActive = true;
    this.options.dispatcher()?.activate();
    for (const work of this.joined) work.activate();
    steps.done('queues');
  }

  /** Leadership was lost. @returns false when something ignores its signal and still runs. */
  async end(): Promise<boolean> {
    this.isActive = false;
    for (const work of this.queues) work.deactivate();
    const [abandonedDaemons] = await Promise.all([this.stopDaemons(), this.whenIdle()]);
    await this.endHooks();
    return this.hasEnded(abandonedDaemons);
  }

  /**
   * Shutdown: daemons are told to end at once; runs may finish for `graceMs` beside them, then `abort` is called.
   * @returns as `end`, at the latest 3 s after `abort`.
   */
  async drain(graceMs: number, abort: () => void): Promise<boolean> {
    this.isActive = false;
    for (const { queue } of this.queues) queue.pause();
    let abandonedDaemons = 0;
    const daemons = this.stopDaemons().then((abandoned) => {
      abandonedDaemons = abandoned;
    });
    const everything = Promise.all([daemons, this.whenIdle()]).then(() => undefined);
    const inTime = await this.within(everything, graceMs);
    abort();
    const ended = inTime || (await this.within(everything, ABORT_GRACE_MS));
    for (const work of this.queues) work.deactivate();
    return ended && this.hasEnded(abandonedDaemons);
  }

  /** Leader shutdown hooks, if start-up hooks ran. @param signal tells them that their time is over. @returns whether all ended well. */
  async endHooks(signal: AbortSignal = new AbortController().signal): Promise<boolean> {
    if (!this.owesShutdownHooks) return true;
    this.owesShutdownHooks = false;
    return this.options.hooks.shutDown('leader', this.options.context(signal));
  }

  private get queues(): readonly LeaderOnly[] {
    return [...(this.options.dispatcher()?.controllers ?? []), ...this.joined];
  }

  private async stopDaemons(): Promise<number> {
    return (await this.options.dispatcher()?.stopDaemons()) ?? 0;
  }

  private async whenIdle(): Promise<void> {
    await Promise.all(this.queues.map(({ queue }) => queue.whenIdle()));
  }

  private hasEnded(abandonedDaemons: number): boolean {
    return abandonedDaemons === 0 && this.queues.every(({ queue }) => queue.abandoned === 0);
  }

  private async within(work: Promise<void>, limitMs: number): Promise<boolean> {
    const limit = new AbortController();
    const timeout = sleep(this.options.clock, limitMs, limit.signal).then(
      () => false,
      () => false,
    );
    const result = await Promise.race([work.then(() => true), timeout]);
    limit.abort();
    return result;
  }
}
