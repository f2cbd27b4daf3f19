/** The calls of a run by the client of the framework. */
import type { Kind, KubeClient, KubernetesObject, ObjectKey } from '../../framework';
import { kindPath, splitKey } from '../../framework';
import { MANAGED_BY, PAUSE_MANAGER, PAUSED_ANNOTATION } from '../keys';
import type { ObjectApi } from './ports';

export type PatchOperation = Parameters<KubeClient['patch']>[2][number];

const MERGE_PATCH = 'application/merge-patch+json';

/** @param onWritten told of the answer of what the client does not report by itself. */
export function objectApi(client: KubeClient, onWritten: (kind: Kind, object: KubernetesObject) => void): ObjectApi {
  return {
    get: (kind, key) => client.find(kind, key),
    // Known not to exist, as far as the client is concerned: the body is sent as it is, without a UID.
    apply: (kind, object, dryRun) => client.apply(kind, object, { force: true, dryRun, live: 'absent', fieldManager: MANAGED_BY }),
    patch: (kind, key, operations) => client.patch(kind, key, operations),
    pause: async (kind, key) => {
      const { body } = await client.raw({
        method: 'PATCH',
        path: pathOf(kind, key),
        query: { fieldManager: PAUSE_MANAGER },
        contentType: MERGE_PATCH,
        body: { metadata: { annotations: { [PAUSED_ANNOTATION]: 'true' } } },
      });
      const object = body as KubernetesObject;
      onWritten(kind, object);
      return object;
    },
  };
}

function pathOf(kind: Kind, key: ObjectKey): string {
  const { namespace, name } = splitKey(key);
  return kindPath(kind, namespace, name);
}
