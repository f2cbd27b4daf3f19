/**
 * What a request is in the words of the server's authorizer: verb, group, resource, subresource, namespace and name.
 *
 * Owns: reading API paths, pure. One reading serves errors, metrics and the journal that proves which rights are used.
 */
import { objectKey } from '../kinds/object';
import type { HttpMethod } from './transport';

/** One entry of the journal; `nonResourceUrl` is set instead of the rest for paths such as `/version`. */
export interface RequestInfo {
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  /** Plural name; empty for a non-resource path. */
  readonly resource: string;
  readonly subresource: string;
  /** `undefined` for cluster-scoped objects and calls across namespaces. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly nonResourceUrl: string | undefined;
}

/** Told of every call that is sent. */
export type RequestJournal = (info: RequestInfo, cluster: string) => void;

const VERB: Readonly<Record<HttpMethod, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Subresources of a namespace itself; everything else after its name is a resource within it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

/** Reads a method, a path without query, and its query. @source k8s.io/apiserver, RequestInfoFactory.NewRequestInfo */
export function requestInfo(method: HttpMethod, path: string, query: Readonly<Record<string, string | undefined>> = {}): RequestInfo {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decoded);
  const rest = resourceParts(parts);
  if (rest === undefined) {
    const verb = method.toLowerCase();
    return { verb, group: '', resource: '', subresource: '', namespace: undefined, name: undefined, nonResourceUrl: path };
  }
  const { group, segments } = rest;
  const inNamespace = segments[0] === 'namespaces' && segments.length > 2 && !NAMESPACE_SUBRESOURCES.has(segments[2]!);
  const namespace = inNamespace ? segments[1] : undefined;
  const [resource = '', name, ...subresource] = inNamespace ? segments.slice(2) : segments;
  return {
    verb: verbOf(method, name, query),
    group,
    resource,
    subresource: subresource.join('/'),
    namespace,
    name: name ?? nameSelector(query),
    nonResourceUrl: undefined,
  };
}

/** `<resource>.<group>/<subresource>`, as it stands in errors and metrics. */
export function resourceId({ group, resource, subresource }: RequestInfo): string | undefined {
  if (resource === '') return undefined;
  return `${resource}${group === '' ? '' : `.${group}`}${subresource === '' ? '' : `/${subresource}`}`;
}

export function requestKey({ namespace, name }: RequestInfo): string | undefined {
  return name === undefined ? namespace : objectKey(namespace, name);
}

function resourceParts(parts: readonly string[]): { group: string; segments: readonly string[] } | undefined {
  if (parts[0] === 'api' && parts.length > 2) return { group: '', segments: parts.slice(2) };
  if (parts[0] === 'apis' && parts.length > 3) return { group: parts[1]!, segments: parts.slice(3) };
  return undefined;
}

function verbOf(method: HttpMethod, name: string | undefined, query: Readonly<Record<string, string | undefined>>): string {
  if (name === undefined && (method === 'GET' || method === 'HEAD')) {
    return query['watch'] === '1' || query['watch'] === 'true' ? 'watch' : 'list';
  }
  if (name === undefined && method === 'DELETE') return 'deletecollection';
  return VERB[method];
}

/** A list or watch of one name is authorized for that name. */
function nameSelector(query: Readonly<Record<string, string | undefined>>): string | undefined {
  return /(?:^|,)metadata\.name==?([^,]+)/.exec(query['fieldSelector'] ?? '')?.[1];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
