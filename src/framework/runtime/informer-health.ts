/**
 * What readiness says of informers, and the log line when the API server goes away and comes back.
 *
 * Owns: how informer states become health. Never: contacts anything.
 */
import type { InformerSet } from '../cluster/informer-set';
import type { Logger } from '../logging/logger';
import type { CheckResult, HealthCheck } from '../serving/checks';
import type { Clock } from '../time/clock';
import type { Informer } from '../watch/informer-contract';

/** Without event, bookmark or connect for this long what the process knows is taken for stale. */
const STALE_AFTER_MS = 300_000;

/** Readiness: every required kind was listed once and is not stale; a shorter outage is shown and fails nothing. */
export function informersCheck(informers: InformerSet, clock: Clock): HealthCheck {
  return {
    name: 'informers',
    run: () => worst(informers.list().map((informer) => judge(informer, clock.monotonicMs()))),
  };
}

function judge(informer: Informer, nowMs: number): CheckResult {
  const { state, synced, lastActivityMs, detail } = informer.status();
  const told = `${informer.kind.id} is ${state}${detail === '' ? '' : ` (${detail})`}`;
  if (state === 'Watching') return { state: 'ok', detail: '' };
  if (state === 'Waiting' && informer.kind.optional)
    return { state: 'waiting', detail: `${informer.kind.id} is not served, waiting for its CRD` };
  if (!synced) return { state: 'failed', detail: told };
  if (lastActivityMs === undefined || nowMs - lastActivityMs > STALE_AFTER_MS) return { state: 'failed', detail: `${told}, stale` };
  return { state: 'waiting', detail: told };
}

function worst(results: readonly CheckResult[]): CheckResult {
  const failed = results.filter(({ state }) => state === 'failed');
  const waiting = results.filter(({ state }) => state === 'waiting');
  const detail = [...failed, ...waiting].map((result) => result.detail).join('; ');
  if (failed.length > 0) return { state: 'failed', detail };
  return waiting.length > 0 ? { state: 'waiting', detail } : { state: 'ok', detail: `${results.length} watching` };
}

/**
 * Says once that the API server cannot be reached and once that it is back, however many informers notice.
 *
 * An outage begins when every informer of a kind that is served waits for an answer in vain, and ends when one watches again, or when
 * none of the kinds is served any more. A kind that is gone, and a credential or a request that is refused, are no outage: the server has
 * answered, and the informer's own line says what.
 */
export class OutageLog {
  private sinceMs: number | undefined;

  constructor(
    private readonly informers: InformerSet,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  look(): void {
    const served = this.informers
      .list()
      .map((informer) => informer.status())
      .filter(({ state }) => state !== 'Waiting');
    const away = served.length > 0 && served.every(({ unanswered }) => unanswered === true);
    if (away && this.sinceMs === undefined) {
      this.sinceMs = this.clock.monotonicMs();
      this.log.warn('API server cannot be reached, working from the last known state', { cause: served[0]!.detail });
    } else if (this.sinceMs !== undefined && (served.length === 0 || served.some(({ state }) => state === 'Watching'))) {
      this.log.info('API server is back', { awayMs: Math.round(this.clock.monotonicMs() - this.sinceMs) });
      this.sinceMs = undefined;
    }
  }
}
