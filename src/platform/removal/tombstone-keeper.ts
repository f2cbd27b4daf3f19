/**
 * Looks after the tombstones of the catalog: one key each, told and counted.
 *
 * Owns: keys, what is told of an outcome, pauses after failures. Never: runs while the module is inactive: tombstones rest then.
 * Invariant: one that fails concerns no asset and no other tombstone.
 */
import { type Kind, type KubeClient, type ObjectKey, objectKey } from '../../framework';
import type { RunEvents } from '../baseline/ports';
import type { FormerObject } from '../catalog';
import type { ContextState } from '../context/context-state';
import type { PlatformMetrics } from '../observability/platform-metrics';
import type { Identity } from '../overrides/exclusions';
import { groupOf } from '../overrides/sensitive-kinds';
import { figureOf, runTombstone, type TombstoneOutcome } from './tombstone-run';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 5 * 60_000;

export interface TombstoneKeeperParts {
  readonly tombstones: readonly FormerObject[];
  readonly state: () => ContextState | undefined;
  readonly kindOf: (apiVersion: string, kind: string) => Kind | undefined;
  readonly events: RunEvents & { settled(reason: 'TombstoneFailed' | 'TombstoneSkipped', key: string): void };
  readonly metrics: Pick<PlatformMetrics, 'tombstoned'>;
}

export class TombstoneKeeper {
  private readonly byKey: ReadonlyMap<string, FormerObject>;
  /** Failures in a row. */
  private readonly failures = new Map<string, number>();

  constructor(private readonly parts: TombstoneKeeperParts) {
    this.byKey = new Map(parts.tombstones.map((tombstone, index) => [`tombstone:${index}:${tombstone.kind}/${tombstone.name}`, tombstone]));
  }

  get keys(): readonly string[] {
    return [...this.byKey.keys()];
  }

  /** Keys of tombstones of this kind. */
  keysOfKind(apiVersion: string, kind: string): readonly string[] {
    return this.keys.filter((key) => {
      const tombstone = this.byKey.get(key)!;
      return tombstone.kind === kind && groupOf(tombstone.apiVersion) === groupOf(apiVersion);
    });
  }

  /** Whether a tombstone names the object; a namespace that is not known yet counts as any. */
  covers({ group, kind, namespace, name }: Identity): boolean {
    return [...this.byKey.values()].some((tombstone) => {
      if (tombstone.kind !== kind || tombstone.name !== name || groupOf(tombstone.apiVersion) !== group) return false;
      return (this.namespaceOf(tombstone) ?? namespace) === namespace;
    });
  }

  /** @returns milliseconds until it has to be tried again. */
  async run(client: Pick<KubeClient, 'find' | 'delete'>, key: string): Promise<number | undefined> {
    const tombstone = this.byKey.get(key);
    const state = this.parts.state();
    if (tombstone === undefined || state?.context === undefined || !state.activation.active) return undefined;
    const namespace = this.namespaceOf(tombstone);
    if (tombstone.namespace !== undefined && namespace === undefined) return undefined;
    const { apiVersion, kind, name } = tombstone;
    const place = objectKey(namespace, name);
    const outcome = await runTombstone(client, this.parts.kindOf(apiVersion, kind), place);
    this.parts.metrics.tombstoned({ kind, name, namespace: namespace ?? '' }, figureOf(outcome));
    this.tell(key, `${kind} ${place}`, outcome);
    return this.retryOf(key, outcome);
  }

  forget(): void {
    this.failures.clear();
  }

  private tell(key: string, what: string, outcome: TombstoneOutcome): void {
    const { events } = this.parts;
    if (outcome.kind !== 'failed') events.settled('TombstoneFailed', key);
    if (outcome.kind !== 'skipped') events.settled('TombstoneSkipped', key);
    if (outcome.kind === 'gone') return;
    const options = outcome.object === undefined ? {} : { object: outcome.object };
    if (outcome.kind === 'deleted') {
      if (!outcome.isHeld || outcome.object.metadata?.deletionTimestamp === undefined) {
        events.normal('TombstoneDeleted', key, `${what} of an earlier version was deleted`, options);
      }
    } else if (outcome.kind === 'skipped') {
      events.warning('TombstoneSkipped', key, `${what} of an earlier version stays: ${outcome.why}`, { ...options, cause: outcome.why });
    } else {
      const { error } = outcome;
      const message = `${what} of an earlier version cannot be deleted: ${error instanceof Error ? error.message : String(error)}`;
      events.warning('TombstoneFailed', key, message, { ...options, cause: 'failed' });
    }
  }

  private retryOf(key: string, { kind }: TombstoneOutcome): number | undefined {
    if (kind !== 'failed') {
      this.failures.delete(key);
      return undefined;
    }
    const failures = (this.failures.get(key) ?? 0) + 1;
    this.failures.set(key, failures);
    return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(16, failures - 1));
  }

  /** The namespace of the anchor is the only expression there is. */
  private namespaceOf({ namespace }: FormerObject): ObjectKey | undefined {
    if (namespace === undefined) return '';
    const { constant } = namespace;
    if (constant !== undefined) return typeof constant === 'string' ? constant : undefined;
    return this.parts.state()?.context?.settings.namespace;
  }
}
