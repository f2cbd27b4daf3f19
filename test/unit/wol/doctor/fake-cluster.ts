/** An API server in memory, for checks: objects, what is served, what the caller may not do, what the manager may not do. */

import { type ApiRequest, type ApiResponse, KubeClient, type RbacRule } from '../../../../src/framework';
import { apiErrorOf } from '../../../../src/framework/errors/api-error';
import { FakeClock } from '../../../../src/framework/testing';
import { ClusterView } from '../../../../src/kubevirt/diagnosis/cluster-view';
import type { DoctorContext } from '../../../../src/wol/doctor/context';
import { wakeMapView } from '../../../../src/wol/view/wake-map-view';

export const NAMESPACE = 'virt-steward-system';

export interface FakeObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; [field: string]: unknown };
  [field: string]: unknown;
}

export interface FakeClusterOptions {
  objects?: readonly FakeObject[];
  /** Names of resources by group and version; `unavailable` = the API does not answer. */
  served?: Readonly<Record<string, readonly string[] | 'unavailable'>>;
  /** What the caller may not do, for example `list nodes`. */
  denied?: readonly string[];
  /** What the manager may not do, for example `update virtualmachines/start`. */
  refused?: readonly string[];
  /** Texts of pods behind the proxy, by path. */
  pods?: Readonly<Record<string, string>>;
}

export const SERVED: NonNullable<FakeClusterOptions['served']> = {
  'kubevirt.io/v1': ['virtualmachines', 'virtualmachineinstances'],
  'subresources.kubevirt.io/v1': ['virtualmachines/start', 'virtualmachineinstances/unpause'],
  'wol.pillon.org/v1beta1': ['wolconfigs'],
};

/** Every request that was made, as `GET /path`. */
export function fakeClient(options: FakeClusterOptions): { client: KubeClient; requests: string[] } {
  const requests: string[] = [];
  const request = (call: ApiRequest): Promise<ApiResponse> => {
    requests.push(`${call.method} ${call.path}`);
    const { status, body } = answer(options, call);
    if (status < 300) return Promise.resolve({ status, headers: {}, body });
    return Promise.reject(apiErrorOf({ status, reason: '', message: 'as the test wants it', method: call.method, path: call.path }));
  };
  const transport = { request, stream: () => Promise.reject(new Error('no streams here')) };
  return { client: new KubeClient({ cluster: 'local', transport, clock: new FakeClock(), retry: false }), requests };
}

export async function aContext(options: FakeClusterOptions = {}, rules: readonly RbacRule[] = []): Promise<DoctorContext> {
  const view = new ClusterView(fakeClient({ served: SERVED, ...options }).client);
  const seen = await wakeMapView(view, { operatorNamespace: NAMESPACE });
  return { view, seen, namespace: NAMESPACE, serviceAccount: undefined, rules, optionalRules: [], nowMs: Date.now() };
}

function answer(
  { objects = [], served = SERVED, denied = [], refused = [], pods = {} }: FakeClusterOptions,
  call: ApiRequest,
): { status: number; body?: unknown } {
  const { method, path, query = {} } = call;
  const proxied = /\/pods\/http:([^/]+)\/proxy(.*)$/.exec(path);
  if (proxied !== null)
    return denied.includes('get pods/proxy') ? { status: 403 } : { status: 200, body: pods[proxied[1]!.split(':')[0]!] ?? '' };
  if (path.endsWith('/subjectaccessreviews')) {
    if (denied.includes('create subjectaccessreviews')) return { status: 403 };
    const { verb, resource, subresource } = (call.body as { spec: { resourceAttributes: Record<string, string> } }).spec.resourceAttributes;
    return {
      status: 201,
      body: { status: { allowed: !refused.includes(`${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`) } },
    };
  }
  const [, apiVersion = '', namespace, plural = '', name] =
    /^\/apis?\/((?:[^/]+\.[^/]+|apps)\/[^/]+|v1)(?:\/namespaces\/([^/]+)(?=\/))?(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(path) ?? [];
  if (plural === '') {
    const names = served[apiVersion];
    if (names === 'unavailable') return { status: 503 };
    return names === undefined ? { status: 404 } : { status: 200, body: { resources: names.map((resource) => ({ name: resource })) } };
  }
  if (method !== 'GET') return { status: 405 };
  if (denied.includes(`${name === undefined ? 'list' : 'get'} ${plural}`)) return { status: 403 };
  const matching = objects.filter(
    (object) =>
      object.apiVersion === apiVersion &&
      `${object.kind.toLowerCase()}s` === plural &&
      (namespace === undefined || object.metadata.namespace === namespace) &&
      matches(object, query['labelSelector']),
  );
  if (name === undefined) return { status: 200, body: { items: matching } };
  const [object] = matching.filter(({ metadata }) => metadata.name === name);
  return object === undefined ? { status: 404 } : { status: 200, body: object };
}

/** Enough of label selectors for what checks ask. */
function matches({ metadata: { labels = {} } }: FakeObject, selector: string | undefined): boolean {
  return [...(selector ?? '').matchAll(/([^,=\s]+)=([^,]+)/g)].every(([, key, value]) => labels[key!] === value);
}
