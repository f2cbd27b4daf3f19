/** The fields by which log lines name an object, the same in every line about it. */
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, type ObjectKey, splitKey } from '../kinds/object';
import type { LogFields } from '../logging/logger';

export function objectFields(kind: Pick<Kind, 'kind'>, { metadata }: KubernetesObject): LogFields {
  return { kind: kind.kind, namespace: metadata?.namespace, name: metadata?.name, uid: metadata?.uid };
}

/** Of an object that is not at hand; keys of virtual kinds are none of an object. */
export function keyFields({ kind, virtual }: Pick<Kind, 'kind' | 'virtual'>, key: ObjectKey): LogFields {
  return virtual ? { kind, key } : { kind, ...splitKey(key) };
}
