/**
 * What an informer reports about itself, for metrics and health.
 *
 * Owns: the names of the things worth counting. Never: knows how they are counted; the metrics library stays outside this folder.
 * Hooks are called inline and must be quick. One that throws is logged and stops nothing.
 */
import type { InformerState } from './informer-contract';

/** Which informer reports; `kind` is `<plural>.<group>`. Object names never become labels. */
export interface InformerLabels {
  readonly cluster: string;
  readonly kind: string;
}

/**
 * Why a complete list was made: `initial` the first, `gone` the server forgot our version (410), `decode` the same event could not
 * be read three times, `returned` the kind had left the cluster and came back.
 */
export type RelistReason = 'initial' | 'gone' | 'decode' | 'returned';

/** Every hook is optional; several informers of one kind (different selections) report under the same labels. */
export interface InformerHooks {
  /** Number of objects in the store, after it changed. */
  objects?(labels: InformerLabels, count: number): void;
  synced?(labels: InformerLabels, synced: boolean): void;
  /** Called on every change with the state that is left as well, so that a 0/1 gauge can follow; at start `Waiting` may follow itself. */
  state?(labels: InformerLabels, state: InformerState, before: InformerState): void;
  /** An event, a bookmark or a successful connect. */
  activity?(labels: InformerLabels): void;
  /** A list was completed and is now the store. */
  relisted?(labels: InformerLabels, reason: RelistReason): void;
  /** A deletion was found only by comparing a new list with the store. */
  lostEvent?(labels: InformerLabels): void;
  /** A watch was opened that is not the first of this informer. */
  reconnected?(labels: InformerLabels): void;
  /** The kind is served (or no longer served) by this cluster. */
  kindAvailable?(labels: InformerLabels, available: boolean): void;
  /** An index function threw for an object, which is left out of that index. */
  indexError?(labels: InformerLabels, index: string): void;
}
