/**
 * What readiness says of the kinds that handlers work on: served, allowed, and of the scope they were defined with.
 *
 * Owns: when the API server is asked for the scope: once a kind has been listed, and again when it came back or the question failed.
 * Never: asks it in a probe.
 */
import type { InformerSet } from '../cluster/informer-set';
import type { Kind } from '../kinds/kind';
import type { Logger } from '../logging/logger';
import type { CheckResult, HealthCheck } from '../serving/checks';
import type { Clock, Timer } from '../time/clock';

/** Discovery that did not answer is asked again after this long. */
const ASK_AGAIN_MS = 30_000;

export interface KindHealthOptions {
  readonly informers: Pick<InformerSet, 'list'>;
  /** A sentence when the cluster serves the kind with another scope than it was defined with. */
  readonly scopeProblem: (kind: Kind) => Promise<string | undefined>;
  readonly clock: Clock;
  readonly log: Logger;
}

type Knowledge = { readonly asked: 'never'; readonly againAtMs: number } | { readonly asked: 'now' } | { readonly asked: 'done' };

export class KindHealth {
  private readonly knowledge = new Map<string, Knowledge>();
  private readonly problems = new Map<string, string>();

  private timer: Timer | undefined;

  constructor(private readonly options: KindHealthOptions) {}

  /** Asks nothing again. */
  stop(): void {
    this.timer?.cancel();
  }

  /** To be called now and then: asks about kinds it knows nothing of yet. */
  look(): void {
    for (const informer of this.options.informers.list()) {
      const { kind } = informer;
      if (informer.status().synced) this.learn(kind);
      else this.forget(kind);
    }
  }

  check(): HealthCheck {
    return { name: 'kinds', run: () => this.judge() };
  }

  private learn(kind: Kind): void {
    const { clock } = this.options;
    const known = this.knowledge.get(kind.id);
    if (known !== undefined && (known.asked !== 'never' || known.againAtMs > clock.monotonicMs())) return;
    const question: Knowledge = { asked: 'now' };
    this.knowledge.set(kind.id, question);
    const answered = (next: Knowledge): void => {
      // It left the cluster meanwhile: the answer is about the past.
      if (this.knowledge.get(kind.id) === question) this.knowledge.set(kind.id, next);
    };
    this.options.scopeProblem(kind).then(
      (problem) => {
        if (problem !== undefined && this.knowledge.get(kind.id) === question) this.remember(kind, problem);
        answered({ asked: 'done' });
      },
      () => {
        answered({ asked: 'never', againAtMs: clock.monotonicMs() + ASK_AGAIN_MS });
        this.timer?.cancel();
        this.timer = clock.setTimer(ASK_AGAIN_MS, () => this.look());
      },
    );
  }

  private remember(kind: Kind, problem: string): void {
    this.problems.set(kind.id, problem);
    this.options.log.error('a kind has another scope than its handlers expect', { kind: kind.id, problem });
  }

  private forget(kind: Kind): void {
    this.knowledge.delete(kind.id);
    this.problems.delete(kind.id);
  }

  private judge(): CheckResult {
    const problems = new Set(this.problems.values());
    const hints = new Set<string>();
    for (const informer of this.options.informers.list()) {
      const { state, detail } = informer.status();
      const { id, optional } = informer.kind;
      if (state === 'Denied') (optional ? hints : problems).add(`${id} may not be watched${detail === '' ? '' : ` (${detail})`}`);
      if (state === 'Waiting' && !optional) problems.add(`${id} is required and not served`);
    }
    const detail = [...problems, ...hints].join('; ');
    if (problems.size > 0) return { state: 'failed', detail };
    return { state: hints.size > 0 ? 'waiting' : 'ok', detail };
  }
}
