/** Whether what an asset renders to can be an object of Kubernetes, and one that it may be. */
import type { LookUps } from '../context/asset-context';
import { ExpressionError } from '../expressions';
import { isJsonMap, type Json, type JsonMap } from '../json';
import { MANAGED_BY_LABEL } from '../keys';
import { isControlAnnotation } from '../overrides/control-keys';
import type { CatalogAsset } from './asset';
import type { RenderedObject } from './rendering';

const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 100;

/** Names of most kinds (RFC 1123 subdomain); names of roles and bindings may also have colons. */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const ROLE_NAME = /^[A-Za-z0-9]([-A-Za-z0-9.:]*[A-Za-z0-9])?$/;
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const MAX_NAME_CHARS = 253;

const OWNED_BY_SERVER = ['managedFields', 'resourceVersion', 'uid', 'creationTimestamp', 'finalizers', 'ownerReferences'];

/** @throws {ExpressionError} saying what is wrong with the object. */
export function checkedObject(value: Json, { identity }: CatalogAsset, cluster: LookUps): RenderedObject {
  const object = isJsonMap(value) ? value : {};
  const metadata = isJsonMap(object['metadata']) ? object['metadata'] : {};
  const { apiVersion, kind } = object;
  if (kind !== identity.kind) fail(`its kind is ${JSON.stringify(kind)}; allowed: ${identity.kind}`);
  if (!identity.apiVersions.includes(apiVersion as string)) {
    fail(`its apiVersion is ${JSON.stringify(apiVersion)}; allowed: ${identity.apiVersions.join(', ')}`);
  }
  checkName(metadata['name'], String(apiVersion));
  checkNamespace(metadata['namespace'], cluster.scopeOf(String(apiVersion), identity.kind));
  if (object['status'] !== undefined) fail('it has a status');
  for (const member of OWNED_BY_SERVER) if (metadata[member] !== undefined) fail(`it has metadata.${member}`);
  for (const path of ownKeysIn(metadata)) fail(`it has metadata.${path}`);
  checkSize(object);
  return object as unknown as RenderedObject;
}

/** What is said by the module, or to it, as paths. */
export function ownKeysIn({ labels, annotations }: JsonMap): readonly string[] {
  const names = (value: Json | undefined): string[] => (isJsonMap(value) ? Object.keys(value) : []);
  return [
    ...names(labels).flatMap((name) => (name === MANAGED_BY_LABEL ? [`labels.${name}`] : [])),
    ...names(annotations).flatMap((name) => (isControlAnnotation(name) ? [`annotations.${name}`] : [])),
  ];
}

function fail(why: string): never {
  throw new ExpressionError(`the object cannot be applied: ${why}`);
}

function checkName(name: Json | undefined, apiVersion: string): void {
  const allowed = apiVersion.startsWith('rbac.authorization.k8s.io/') ? ROLE_NAME : SUBDOMAIN;
  if (typeof name === 'string' && allowed.test(name) && name.length <= MAX_NAME_CHARS) return;
  fail(`metadata.name is ${JSON.stringify(name)}; allowed: lower-case letters, digits, hyphens and dots, at most ${MAX_NAME_CHARS}`);
}

/** A scope that nobody knows cannot be checked: the kind is not served. */
function checkNamespace(namespace: Json | undefined, scope: ReturnType<LookUps['scopeOf']>): void {
  if (namespace !== undefined && !(typeof namespace === 'string' && LABEL.test(namespace))) {
    fail(`metadata.namespace is ${JSON.stringify(namespace)}; allowed: lower-case letters, digits and hyphens, at most 63`);
  }
  if (scope === 'Namespaced' && namespace === undefined) fail('it has no metadata.namespace, which its kind needs');
  if (scope === 'Cluster' && namespace !== undefined) fail('it has a metadata.namespace, which its kind cannot have');
}

function checkSize(object: JsonMap): void {
  if (depthOf(object, 0) > MAX_DEPTH) fail(`it is nested more than ${MAX_DEPTH} levels deep`);
  if (Buffer.byteLength(JSON.stringify(object)) > MAX_BYTES) fail(`it is larger than ${MAX_BYTES} bytes`);
}

function depthOf(value: Json, above: number): number {
  if (typeof value !== 'object' || value === null || above > MAX_DEPTH) return above;
  return Object.values(value).reduce<number>((deepest, member) => Math.max(deepest, depthOf(member as Json, above + 1)), above + 1);
}
