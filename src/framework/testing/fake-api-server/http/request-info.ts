/**
 * What an API path asks for.
 *
 * Owns: splitting paths into group, version, resource, namespace, name and subresource, and the verb as RBAC names it.
 * Source: k8s.io/apiserver pkg/endpoints/request/requestinfo.go.
 */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export interface ResourceRequest {
  readonly verb: Verb;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** Empty for cluster-scoped objects and lists over all namespaces. */
  readonly namespace: string;
  /** Empty for collections. */
  readonly name: string;
  readonly subresource: string;
}

/** `undefined` for a path outside the resource tree, such as /version or a discovery document. */
export function resourceRequestOf(method: string, path: string, query: URLSearchParams): ResourceRequest | undefined {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const isCore = parts[0] === 'api';
  const rest = isCore ? parts.slice(2) : parts[0] === 'apis' ? parts.slice(3) : [];
  if (rest.length === 0) return undefined;
  const [group, version] = isCore ? ['', parts[1]!] : [parts[1]!, parts[2]!];
  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize') {
    namespace = rest[1]!;
    rest.splice(0, 2);
  }
  const [resource, name = '', ...subresource] = rest;
  const verb = verbOf(method, name !== '', query);
  if (resource === 'namespaces' && group === '' && namespace === '') namespace = name;
  return { verb, group, version, resource: resource!, namespace, name, subresource: subresource.join('/') };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** True for `watch=1` and `watch=true`, as Go's ParseBool would say. */
export function isTrue(value: string | null): boolean {
  return value !== null && ['1', 't', 'true', 'TRUE', 'True', 'T'].includes(value);
}

function verbOf(method: string, isNamed: boolean, query: URLSearchParams): Verb {
  switch (method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return isNamed ? 'delete' : 'deletecollection';
    default:
      if (isNamed) return 'get';
      return isTrue(query.get('watch')) ? 'watch' : 'list';
  }
}
