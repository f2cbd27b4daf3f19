/**
 * The certificate that a server shows, kept up to date while it runs.
 *
 * Expected flow: start -> loaded -> (looked at every ten seconds) -> another one -> listeners are told.
 * Guarantees: a pair is taken into use only when its key belongs to its certificate; one that cannot be used keeps the one before;
 * `check` fails as long as there is none at all.
 * Assumptions: the source is quick. Caveats: a certificate that has expired is served all the same, its date is in the metrics.
 * Errors: none thrown; trouble is logged once for each new content and counted.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Logger } from '../../logging/logger';
import type { Clock, Timer } from '../../time/clock';
import type { HealthCheck } from '../checks';
import type { CertificateMetrics } from '../metrics/certificate-metrics';
import type { CertificateSource, PemPair, ServedCertificate } from './certificate-source';

/** The kubelet needs up to a minute to bring a changed Secret into a pod; ten seconds more are no matter. */
const LOOK_MS = 10_000;

export interface ServingCertificateOptions {
  /** What it serves, the label of its metrics: `metrics`. */
  readonly use: string;
  readonly source: CertificateSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<CertificateMetrics, 'loaded' | 'failed'>;
  /** Told once of each new problem, inline. @default nobody is told */
  readonly onProblem?: (problem: string) => void;
}

export class ServingCertificate implements ServedCertificate {
  private pair: PemPair | undefined;
  private problem = 'not read yet';
  /** Of the content, or of the error, that was dealt with last. */
  private lastSeen: string | undefined;
  private readonly listeners = new Set<(pair: PemPair) => void>();
  private timer: Timer | undefined;
  private isStopped = false;

  constructor(private readonly options: ServingCertificateOptions) {}

  get current(): PemPair | undefined {
    return this.pair;
  }

  /** Resolves after the first attempt, whether it succeeded or not. */
  async start(): Promise<void> {
    await this.look();
    this.plan();
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  /** Told of every pair that comes into use after the current one. */
  onChange(listener: (pair: PemPair) => void): void {
    this.listeners.add(listener);
  }

  /** Readiness: something can be served. */
  check(): HealthCheck {
    const name = `${this.options.use}-certificate`;
    return {
      name,
      run: () => (this.pair === undefined ? { state: 'failed', detail: this.problem } : { state: 'ok', detail: '' }),
    };
  }

  /** Looks now: the source has news. */
  refresh(): Promise<void> {
    return this.look();
  }

  private plan(): void {
    if (this.isStopped) return;
    this.timer = this.options.clock.setTimer(LOOK_MS, () => {
      this.look().then(() => this.plan());
    });
  }

  private async look(): Promise<void> {
    try {
      const pair = await this.options.source.load();
      const seen = createHash('sha256').update(`${pair.certificate}\n${pair.privateKey}`).digest('base64');
      if (seen === this.lastSeen) return;
      this.lastSeen = seen;
      this.use(pair);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem === this.lastSeen) return;
      this.lastSeen = problem;
      this.refuse(problem);
    }
  }

  private use(pair: PemPair): void {
    let expiresAtMs: number | undefined;
    try {
      expiresAtMs = expiryOf(pair);
    } catch (error) {
      this.refuse(error instanceof Error ? error.message : String(error));
      return;
    }
    const { use, log, metrics } = this.options;
    const isFirst = this.pair === undefined;
    this.pair = pair;
    metrics.loaded(use, expiresAtMs);
    if (!isFirst) log.info('a new certificate is in use', { use });
    for (const listener of this.listeners) listener(pair);
  }

  private refuse(problem: string): void {
    const { use, log, metrics, onProblem } = this.options;
    this.problem = problem;
    metrics.failed(use);
    onProblem?.(problem);
    log.error('a certificate cannot be used', { use, problem, serving: this.pair === undefined ? 'nothing' : 'the one before' });
  }
}

/** @throws when the two are no pair, or not PEM. */
function expiryOf({ certificate, privateKey }: PemPair): number {
  createSecureContext({ cert: certificate, key: privateKey });
  return new X509Certificate(certificate).validToDate.getTime();
}
