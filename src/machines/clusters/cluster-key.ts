/**
 * How clusters are called: the key of a KubevirtConfig, pure.
 *
 * Owns: keys, references that people write, and the names of clusters in the framework. Invariant: two configs never share a key, and a
 * key leads to one config only.
 */
import { LOCAL_CLUSTER, objectKey } from '../../framework';
import type { KubevirtConfig } from '../kinds';

/** A KubevirtConfig; without a namespace where it is cluster-scoped. */
export interface ConfigName {
  readonly namespace: string;
  readonly name: string;
}

/**
 * @param home namespace in which names stand alone; empty where KubevirtConfigs have no namespace.
 * @returns `<name>` at home or without a namespace, else `<namespace>/<name>`.
 */
export function clusterKey({ namespace, name }: ConfigName, home: string): string {
  return namespace === '' || namespace === home ? name : `${namespace}/${name}`;
}

export function keyOfConfig({ metadata }: Pick<KubevirtConfig, 'metadata'>, home: string): string {
  return clusterKey({ namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' }, home);
}

export function configOfKey(key: string, home: string): ConfigName {
  const slash = key.indexOf('/');
  return slash < 0 ? { namespace: home, name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Of the KubevirtConfig in the cache. */
export function objectKeyOf(key: string, home: string): string {
  const { namespace, name } = configOfKey(key, home);
  return objectKey(namespace, name);
}

/** `[<namespace>/]<name>`, as in the annotation; without a namespace the name may be in any of the configured ones. */
export function parseReference(text: string): { readonly namespace: string | undefined; readonly name: string } {
  const [name = '', namespace] = text.trim().split('/').reverse();
  return { namespace: namespace === '' ? undefined : namespace, name };
}

/** The framework keeps a name for the cluster it runs in; a config may have it all the same. */
export function clusterNameOf(key: string, home: string): string {
  return key === LOCAL_CLUSTER ? `${home}/${LOCAL_CLUSTER}` : key;
}

export function keyOfCluster(clusterName: string, home: string): string {
  return clusterName === `${home}/${LOCAL_CLUSTER}` ? LOCAL_CLUSTER : clusterName;
}
