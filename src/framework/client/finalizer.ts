/**
 * Puts a finalizer on an object and takes it off.
 *
 * Expected flow: JSON Patch that tests UID and list -> done; the list moved -> read again, up to five times.
 * Guarantees: other finalizers are never changed; another object of the same name is never touched.
 * Assumptions: the object given carries UID and finalizers, as every cached object does.
 * Caveats: nothing can be put on an object that is being deleted; it is returned as it is.
 * Errors: the server's refusal of the fifth try; 404 and another UID count as gone.
 */
import { ApiError } from '../errors/api-error';
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, keyOf } from '../kinds/object';
import type { CallOptions } from './client-options';
import type { JsonPatchOperation } from './json-patch';
import type { KubeClient } from './kube-client';
import { isAnotherObject } from './provenance';

const MAX_TRIES = 5;
const LIST = '/metadata/finalizers';

export function addFinalizer<T extends KubernetesObject>(
  client: KubeClient,
  kind: Kind<T>,
  object: T,
  finalizer: string,
  options: CallOptions,
): Promise<T | undefined> {
  return patchUntilDone(client, kind, object, options, (live) => {
    const seen = live.metadata?.finalizers;
    if (seen?.includes(finalizer) === true || live.metadata?.deletionTimestamp !== undefined) return undefined;
    return seen === undefined || seen.length === 0
      ? [
          { op: 'test', path: LIST, value: null },
          { op: 'add', path: LIST, value: [finalizer] },
        ]
      : [
          { op: 'test', path: LIST, value: seen },
          { op: 'add', path: `${LIST}/-`, value: finalizer },
        ];
  });
}

export function removeFinalizer<T extends KubernetesObject>(
  client: KubeClient,
  kind: Kind<T>,
  object: T,
  finalizer: string,
  options: CallOptions,
): Promise<T | undefined> {
  return patchUntilDone(client, kind, object, options, (live) => {
    const index = live.metadata?.finalizers?.indexOf(finalizer) ?? -1;
    if (index < 0) return undefined;
    return [
      { op: 'test', path: `${LIST}/${index}`, value: finalizer },
      { op: 'remove', path: `${LIST}/${index}` },
    ];
  });
}

/**
 * Patches by what `plan` makes of the object, on a fresh read after every failed test.
 * @param plan the operations, without the test of the UID; `undefined` = nothing to do.
 */
export async function patchUntilDone<T extends KubernetesObject>(
  client: KubeClient,
  kind: Kind<T>,
  object: T,
  options: CallOptions,
  plan: (live: T) => readonly JsonPatchOperation[] | undefined,
): Promise<T | undefined> {
  const key = keyOf(object);
  const uid = object.metadata?.uid;
  let live: T | undefined = object;
  for (let attempt = 1; live !== undefined && live.metadata?.uid === uid; attempt++) {
    const operations = plan(live);
    if (operations === undefined) return live;
    try {
      return await client.patch(kind, key, [{ op: 'test', path: '/metadata/uid', value: uid }, ...operations], options);
    } catch (error) {
      if (isAnotherObject(error)) return undefined;
      if (!isFailedTest(error) || attempt === MAX_TRIES) throw error;
    }
    live = await client.find(kind, key, options);
  }
  return undefined;
}

/** 422 is what the server says to a failed test, 409 when the object moved while it was patched. */
function isFailedTest(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 409 || error.status === 422);
}
