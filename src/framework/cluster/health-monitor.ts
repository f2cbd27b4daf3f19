/**
 * Keeps the health of one connection up to date: probes it and takes in what other calls met with.
 *
 * Owns: the timer, the one probe under way, and the state. Never: decides what an outcome means; `stepHealth` does.
 * Invariant: at most one probe at a time; nothing runs and nobody is told after `stop`.
 */
import { isOperatorError } from '../errors/operator-error';
import type { Clock, Timer } from '../time/clock';
import { timestampOf } from '../time/timestamp';
import {
  CONNECTING,
  type HealthInput,
  type HealthNumbers,
  type HealthState,
  probePauseMs,
  refusesCalls,
  stepHealth,
} from './cluster-health';

/** Waits for a turn to contact a cluster for the first time; calling what it resolves to gives the turn back. */
export type ConnectTurn = (signal: AbortSignal) => Promise<() => void>;

export interface HealthMonitorOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly numbers: HealthNumbers;
  /** Asks the API server for its version. Rejects with what the transport throws. */
  readonly probe: (signal: AbortSignal) => Promise<string>;
  readonly connectTurn: ConnectTurn;
  /** The state, or its detail, has changed. */
  readonly onChange?: (now: HealthState, before: HealthState) => void;
  /** Something was received; called often. */
  readonly onSuccess?: () => void;
}

export class HealthMonitor {
  private current = CONNECTING;
  private sinceMs: number;
  private seenMs: number | undefined;
  private heardMs = Number.NEGATIVE_INFINITY;
  private serverVersion: string | undefined;
  private timer: Timer | undefined;
  private isStarted = false;
  private isProbing = false;
  private isProbeOwed = false;
  private readonly stopping = new AbortController();

  constructor(private readonly options: HealthMonitorOptions) {
    this.sinceMs = options.clock.now();
  }

  get health(): HealthState {
    return this.current;
  }

  /** When the state was entered, RFC 3339. */
  get since(): string {
    return timestampOf(this.sinceMs);
  }

  /** When something was received last, RFC 3339. */
  get lastSeen(): string | undefined {
    return this.seenMs === undefined ? undefined : timestampOf(this.seenMs);
  }

  /** `gitVersion` of the API server. */
  get version(): string | undefined {
    return this.serverVersion;
  }

  get refusesCalls(): boolean {
    return refusesCalls(this.current);
  }

  /** Probes now, and regularly from then on. Without it nothing is ever asked: the health is what is fed. */
  start(): void {
    this.isStarted = true;
    void this.probe();
  }

  stop(): void {
    this.stopping.abort(new Error('the connection was closed'));
    this.timer?.cancel();
  }

  /** Takes in what a call met with. */
  feed(input: HealthInput): void {
    if (this.stopping.signal.aborted) return;
    const { clock, numbers, onSuccess, onChange } = this.options;
    if (input.type === 'success' || input.type === 'heard') {
      this.heardMs = clock.monotonicMs();
      this.seenMs = clock.now();
      onSuccess?.();
    }
    const before = this.current;
    const now = stepHealth(before, input, clock.monotonicMs(), numbers);
    if (now === before) return;
    this.current = now;
    if (now.state !== before.state) {
      this.sinceMs = clock.now();
      this.plan();
    }
    if (now.state !== before.state || now.detail !== before.detail) onChange?.(now, before);
  }

  /** Other credentials are in use: finds out at once whether they work. */
  renewed(): void {
    this.feed({ type: 'renewed' });
    void this.probe();
  }

  private async probe(): Promise<void> {
    if (this.stopping.signal.aborted) return;
    this.timer?.cancel();
    if (this.isProbing) {
      this.isProbeOwed = true;
      return;
    }
    this.isProbing = true;
    do {
      this.isProbeOwed = false;
      await this.askVersion();
    } while (this.isProbeOwed && !this.stopping.signal.aborted);
    this.isProbing = false;
    this.plan();
  }

  private async askVersion(): Promise<void> {
    const { signal } = this.stopping;
    let giveBack: (() => void) | undefined;
    try {
      if (this.current.state === 'Connecting') giveBack = await this.options.connectTurn(signal);
      this.serverVersion = await this.options.probe(signal);
      this.feed({ type: 'success' });
    } catch (error) {
      this.feed(probeOutcome(error));
    } finally {
      giveBack?.();
    }
  }

  private plan(): void {
    this.timer?.cancel();
    if (!this.isStarted || this.isProbing || this.stopping.signal.aborted) return;
    const { clock, numbers, random } = this.options;
    const pauseMs = probePauseMs(this.current, numbers, random);
    if (pauseMs === undefined) return;
    this.timer = clock.setTimer(pauseMs, () => {
      const isNews = this.current.state !== 'Ready' || clock.monotonicMs() - this.heardMs >= numbers.probeIntervalMs * 0.8;
      if (isNews) void this.probe();
      else this.plan();
    });
  }
}

/** 403 and 404 come from a server that is there; who may not read the version may well do his work. */
function probeOutcome(error: unknown): HealthInput {
  const detail = error instanceof Error ? error.message : String(error);
  if (isOperatorError(error, 'UNAUTHORIZED')) return { type: 'unauthorized', detail };
  const { status } = error as { status?: unknown };
  return typeof status === 'number' && status < 500 && status !== 429 ? { type: 'success' } : { type: 'probe-failed', detail };
}
