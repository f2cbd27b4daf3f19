/**
 * One Lease on a server that exists in memory, and candidates for it on a clock that stands still.
 *
 * Owns: versions and conflicts as the API server has them, faults between a candidate and the server, candidates that can be frozen.
 */
import { TransportError } from '../../../../src/framework/errors/api-error';
import { Lease } from '../../../../src/framework/kinds/core-kinds';
import { compileLeaderElectionOptions } from '../../../../src/framework/leader/leader-options';
import { LeaseElector } from '../../../../src/framework/leader/lease-elector';
import { holderOf } from '../../../../src/framework/leader/lease-record';
import type { LeaseStore, LeaseWriteResult } from '../../../../src/framework/leader/lease-store';
import { nullLogger } from '../../../../src/framework/logging/logger';
import type { FakeClock } from '../../../../src/framework/testing/fake-clock';
import type { Clock, Timer } from '../../../../src/framework/time/clock';
import { sleep } from '../../../../src/framework/time/sleep';

export class FakeLeases {
  lease: Lease | undefined;
  private version = 100;

  /** Accepted writes, as `holder/transitions`. */
  readonly history: string[] = [];

  get holder(): string | undefined {
    return this.lease === undefined ? undefined : holderOf(this.lease);
  }

  read(): Lease | undefined {
    return structuredClone(this.lease);
  }

  write(lease: Lease): LeaseWriteResult {
    const wanted = lease.metadata?.resourceVersion;
    if (wanted !== this.lease?.metadata?.resourceVersion) return { kind: 'conflict' };
    return { kind: 'written', lease: this.put(lease) };
  }

  /** As somebody with kubectl would, without any precondition. */
  put(lease: Lease): Lease {
    const metadata = { uid: 'u1', ...lease.metadata, resourceVersion: String(++this.version) };
    this.lease = structuredClone({ ...lease, metadata });
    this.history.push(`${this.holder ?? ''}/${lease.spec?.leaseTransitions ?? 0}`);
    return structuredClone(this.lease);
  }
}

export const aLease = (spec: NonNullable<Lease['spec']>): Lease => ({
  apiVersion: Lease.apiVersion,
  kind: Lease.kind,
  metadata: { name: 'test', namespace: 'n', uid: 'u1' },
  spec,
});

/** What happens to one call: it arrives after a while or not at all, and its answer comes after a while or not at all. */
export interface CallFate {
  readonly toServerMs?: number;
  readonly toClientMs?: number;
  readonly lost?: 'request' | 'answer';
  readonly error?: Error;
}

/** Time as one process sees it: while frozen its timers stay due, and time goes on without it. */
class ProcessClock implements Clock {
  private frozen: (() => void)[] | undefined;

  constructor(private readonly clock: FakeClock) {}

  now(): number {
    return this.clock.now();
  }

  monotonicMs(): number {
    return this.clock.monotonicMs();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    let isCancelled = false;
    const fire = (): void => {
      if (isCancelled) return;
      if (this.frozen === undefined) callback();
      else this.frozen.push(fire);
    };
    const timer = this.clock.setTimer(delayMs, fire);
    return {
      cancel: () => {
        isCancelled = true;
        timer.cancel();
      },
    };
  }

  nextTurn(callback: () => void): Timer {
    return this.clock.nextTurn(callback);
  }

  get isFrozen(): boolean {
    return this.frozen !== undefined;
  }

  freeze(): void {
    this.frozen ??= [];
  }

  thaw(): void {
    const due = this.frozen ?? [];
    this.frozen = undefined;
    for (const fire of due) fire();
  }
}

export interface CandidateOptions {
  readonly fate?: () => CallFate;
  readonly random?: () => number;
  /** Work of a lost term ends after this. */
  readonly workEndsAfterMs?: number;
}

const LIMITS = compileLeaderElectionOptions({ lease: 'test' });

export class Candidate {
  readonly clock: ProcessClock;
  readonly elector: LeaseElector;
  readonly journal: string[] = [];
  /** Calls under way and done. */
  calls = 0;
  fate: () => CallFate;

  constructor(
    readonly identity: string,
    leases: FakeLeases,
    private readonly time: FakeClock,
    { fate = () => ({}), random = () => 0.5, workEndsAfterMs = 0 }: CandidateOptions = {},
  ) {
    this.fate = fate;
    this.clock = new ProcessClock(time);
    const store: LeaseStore = {
      read: () => this.call(() => leases.read()),
      write: (lease) => this.call(() => leases.write(lease)),
    };
    this.elector = new LeaseElector({
      options: LIMITS,
      namespace: 'n',
      identity,
      store,
      clock: this.clock,
      random,
      log: nullLogger,
      gained: () => this.note('gained'),
      lost: (reason) => {
        this.note(`lost: ${reason}`);
        this.clock.setTimer(workEndsAfterMs, () => this.elector.ended());
      },
    });
  }

  /** Could send a write now. Asks nothing of the elector that would change it. */
  get couldWrite(): boolean {
    const { phase, sinceRenewalMs } = this.elector.status;
    return phase === 'leading' && sinceRenewalMs !== undefined && sinceRenewalMs < LIMITS.renewDeadlineMs;
  }

  private note(text: string): void {
    this.journal.push(`${this.time.monotonicMs()} ${text}`);
  }

  private async call<R>(work: () => R): Promise<R> {
    this.calls++;
    const { toServerMs = 0, toClientMs = 0, lost, error } = this.fate();
    const answer = this.time;
    const limit = new Promise<never>((_resolve, reject) => {
      this.clock.setTimer(LIMITS.requestTimeoutMs, () => reject(new TransportError('headers', 'unknown', 'no answer')));
    });
    const arrival = async (): Promise<R> => {
      if (toServerMs > 0) await sleep(answer, toServerMs);
      if (lost === 'request') await new Promise(() => undefined);
      if (error !== undefined) throw error;
      const result = work();
      if (toClientMs > 0 || this.clock.isFrozen) await sleep(this.clock, toClientMs);
      if (lost === 'answer') await new Promise(() => undefined);
      return result;
    };
    return Promise.race([arrival(), limit]);
  }
}
