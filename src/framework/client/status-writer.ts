/**
 * Writes what we have to say about an object into its status.
 *
 * Expected flow: live status limited to our fields -> changes merged in -> equal: nothing; else one apply with force.
 * Guarantees: a status that differs only in volatile fields is not written; fields that are not ours are never sent; another
 * object of the same name is never hit; a status somebody changed meanwhile is read again, not overwritten.
 * Assumptions: the object given is the one the changes are about.
 * Caveats: an empty map counts as absent. Applied where something was before, the API server makes it null and refuses that.
 * Errors: ConflictError after five tries; a missing object is no error.
 */
import { isDeepStrictEqual } from 'node:util';
import { ConflictError } from '../errors/api-error';
import type { Kind } from '../kinds/kind';
import { type Condition, type KubernetesObject, keyOf } from '../kinds/object';
import { timestampOf } from '../time/timestamp';
import type { CallOptions } from './client-options';
import { type ConditionInput, mergeConditions } from './conditions';
import type { KubeClient } from './kube-client';
import { isAnotherObject } from './provenance';

const MAX_TRIES = 5;

export interface StatusChange {
  /** Top-level fields; `undefined` removes one. */
  readonly fields?: ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>>;
  /** Merged by type. */
  readonly conditions?: readonly ConditionInput[];
  /** Written as `status.observedGeneration` when given. */
  readonly observedGeneration?: number | undefined;
}

type Status = Record<string, unknown>;

/** @returns the object after the write, or as it was when there was nothing to write; `undefined` when it is gone. */
export async function writeStatus<T extends KubernetesObject>(
  client: KubeClient,
  kind: Kind<T>,
  object: T,
  change: StatusChange,
  options: CallOptions,
): Promise<T | undefined> {
  const uid = object.metadata?.uid;
  const stamp = { now: timestampOf(client.clock.now()), observedGeneration: object.metadata?.generation };
  let live: T | undefined = object;
  for (let attempt = 1; live !== undefined && live.metadata?.uid === uid; attempt++) {
    const base = ownPart(kind as Kind, statusOf(live));
    const status = withoutEmptyMaps(changed(base, change, stamp), base);
    if (isSame(kind as Kind, base, status)) return live;
    const { name, namespace, resourceVersion } = live.metadata ?? {};
    const metadata = { name, namespace, uid, resourceVersion } as KubernetesObject['metadata'];
    const body = { metadata, status } as KubernetesObject;
    try {
      return await client.apply(kind, body, { ...options, ...(kind.status ? { subresource: 'status' } : {}), force: true, live });
    } catch (error) {
      if (isAnotherObject(error)) return undefined;
      if (!(error instanceof ConflictError) || attempt === MAX_TRIES) throw error;
    }
    live = await client.find(kind, keyOf(object), { ...options, ...(kind.status ? { subresource: 'status' } : {}) });
  }
  return undefined;
}

function statusOf(object: KubernetesObject): Status {
  return (object as { status?: Status }).status ?? {};
}

function ownPart({ ownStatus }: Kind, status: Status): Status {
  if (ownStatus === undefined) return status;
  return Object.fromEntries(Object.entries(status).filter(([name]) => ownStatus.includes(name)));
}

function changed(
  base: Status,
  { fields = {}, conditions = [], observedGeneration }: StatusChange,
  stamp: { now: string; observedGeneration: number | undefined },
): Status {
  const status: Status = { ...base };
  for (const [name, value] of fields instanceof Map ? fields : Object.entries(fields)) {
    if (value === undefined) delete status[name];
    else status[name] = value;
  }
  if (conditions.length > 0) status['conditions'] = mergeConditions((status['conditions'] ?? []) as Condition[], conditions, stamp);
  if (observedGeneration !== undefined) status['observedGeneration'] = observedGeneration;
  return status;
}

/** Empty maps stay only where the live object has one, too: what is there may be required. */
function withoutEmptyMaps(status: Status, live: unknown): Status {
  const before = isMap(live) ? live : {};
  const entries = Object.entries(status).map(
    ([name, value]) => [name, isMap(value) ? withoutEmptyMaps(value, before[name]) : value] as const,
  );
  return Object.fromEntries(entries.filter(([name, value]) => !isEmptyMap(value) || isEmptyMap(before[name])));
}

function isMap(value: unknown): value is Status {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmptyMap(value: unknown): boolean {
  return isMap(value) && Object.keys(value).length === 0;
}

/** Compared as JSON, since that is what is sent. */
function isSame({ volatileStatus }: Kind, before: Status, after: Status): boolean {
  const lasting = (status: Status): unknown =>
    JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(status).filter(([name]) => !volatileStatus.includes(name)))));
  return isDeepStrictEqual(lasting(before), lasting(after));
}
