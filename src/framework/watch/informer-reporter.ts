/**
 * What an informer says about itself: log lines and hooks.
 *
 * Owns: levels and sentences, one line a state change. Never: an object's content in a line; lets a hook that throws do harm.
 */
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, keyOf } from '../kinds/object';
import type { Logger } from '../logging/logger';
import type { InformerState } from './informer-contract';
import type { InformerHooks, InformerLabels } from './informer-hooks';
import type { WatchState } from './watch-state';

/** What a state change is to the reader of a log. */
const LEVELS: Readonly<Record<InformerState, 'error' | 'warn' | 'info'>> = {
  Waiting: 'info',
  Listing: 'info',
  Watching: 'info',
  Backoff: 'warn',
  Denied: 'error',
  Stopped: 'info',
};

export class InformerReporter {
  private readonly labels: InformerLabels;
  private readonly logger: Logger;

  constructor(
    private readonly kind: Kind,
    cluster: string,
    logger: Logger,
    private readonly hooks: InformerHooks,
  ) {
    this.labels = { cluster, kind: kind.id };
    this.logger = logger.child({ cluster, kind: kind.id });
  }

  stateChanged(namespace: string | undefined, before: WatchState, after: WatchState): void {
    const where = namespace === undefined ? {} : { namespace };
    const denied = after.phase === 'Denied' ? { verb: after.next, resource: this.kind.id } : {};
    const detail = after.detail === '' ? {} : { detail: after.detail };
    this.logger[LEVELS[after.phase]]('informer changed its state', { ...where, from: before.phase, to: after.phase, ...denied, ...detail });
    this.hook((hooks, labels) => hooks.state?.(labels, after.phase, before.phase));
    if (after.phase === 'Waiting') this.available(false);
    else if (after.phase === 'Watching' || (after.phase === 'Listing' && before.doing === 'awaiting')) this.available(true);
  }

  /** It began by waiting for the kind, which is no change of state. */
  waiting(): void {
    this.hook((hooks, labels) => hooks.state?.(labels, 'Waiting', 'Waiting'));
    this.available(false);
  }

  /** First sync is late. */
  late(state: InformerState, detail: string, afterMs: number): void {
    this.logger.error('first list of a kind is late', { state, detail, afterMs });
  }

  transformFailed(object: KubernetesObject, error: unknown): void {
    this.logger.error('an object could not be trimmed and is kept whole', { key: keyOf(object), error });
  }

  indexFailed(index: string, object: KubernetesObject, error: unknown): void {
    this.logger.error('an object was left out of an index', { index, key: keyOf(object), error });
    this.hook((hooks, labels) => hooks.indexError?.(labels, index));
  }

  listenerFailed(error: unknown): void {
    this.logger.error('a listener of an informer threw', { error });
  }

  /** Calls a hook; one that throws is logged. */
  hook(call: (hooks: InformerHooks, labels: InformerLabels) => void): void {
    try {
      call(this.hooks, this.labels);
    } catch (error) {
      this.logger.error('a hook of an informer threw', { error });
    }
  }

  private available(isAvailable: boolean): void {
    this.hook((hooks, labels) => hooks.kindAvailable?.(labels, isAvailable));
  }
}
