/** What `subresources.kubevirt.io` says it serves. Owns: the discovery documents. Invariant: they list what the server answers. */

const GROUP = 'subresources.kubevirt.io';
const VERSION = { groupVersion: `${GROUP}/v1`, version: 'v1' };

export const API_GROUP = {
  kind: 'APIGroup',
  apiVersion: 'v1',
  name: GROUP,
  versions: [VERSION],
  preferredVersion: VERSION,
} as const;

export const API_RESOURCES = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: VERSION.groupVersion,
  resources: [
    ...['start', 'stop', 'restart'].map((name) => subresource('virtualmachines', name)),
    ...['pause', 'unpause'].map((name) => subresource('virtualmachineinstances', name)),
  ],
} as const;

function subresource(resource: string, name: string): object {
  return { name: `${resource}/${name}`, singularName: '', namespaced: true, kind: '', verbs: ['update'] };
}

/** Documents that anybody may read, by path. */
export const PUBLIC_DOCUMENTS: Readonly<Record<string, unknown>> = {
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [API_GROUP] },
  [`/apis/${GROUP}`]: API_GROUP,
  [`/apis/${GROUP}/v1`]: API_RESOURCES,
  [`/apis/${GROUP}/v1/healthz`]: { apiserver: { connectivity: 'ok' } },
};
