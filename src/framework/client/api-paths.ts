/** Where objects live in the API, pure. Names are escaped, so that no name can change the path it is put into. */
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, type ObjectKey, splitKey } from '../kinds/object';

/** Path of all objects of a kind, in one namespace or in all. */
export function collectionPath(kind: Kind, namespace?: string): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  return namespace === undefined ? `${root}/${kind.plural}` : `${root}/namespaces/${encodeURIComponent(namespace)}/${kind.plural}`;
}

/**
 * Path of one object, or of a subresource of it.
 * @throws {TypeError} when the key does not fit the scope of the kind or the name is empty.
 */
export function objectPath(kind: Kind, key: ObjectKey, subresource?: string): string {
  const { namespace, name } = splitKey(key);
  if (name === '' || name === '.' || name === '..') throw new TypeError(`${kind.kind} "${key}": a name is needed`);
  checkScope(kind, namespace, key);
  const path = `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}`;
  return subresource === undefined || subresource === '' ? path : `${path}/${subresource.split('/').map(encodeURIComponent).join('/')}`;
}

/** Path to create an object in. @throws {TypeError} as `objectPath`. */
export function creationPath(kind: Kind, object: KubernetesObject): string {
  const { namespace, name = '' } = object.metadata ?? {};
  checkScope(kind, namespace, name);
  return collectionPath(kind, namespace);
}

function checkScope(kind: Kind, namespace: string | undefined, key: string): void {
  if (kind.eitherScope) return;
  if (kind.scope === 'Namespaced' && (namespace === undefined || namespace === '')) {
    throw new TypeError(`${kind.kind} "${key}": a namespace is needed, since the kind is namespaced`);
  }
  if (kind.scope === 'Cluster' && namespace !== undefined) {
    throw new TypeError(`${kind.kind} "${key}": the kind is cluster-scoped and has no namespace`);
  }
}
