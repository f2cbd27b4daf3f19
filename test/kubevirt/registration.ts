/**
 * Makes a cluster believe that KubeVirt is installed.
 *
 * Owns: the namespace, the CRDs, the Service and the APIService, and waiting until all of them work.
 * Never: grants rights to anybody. Invariant: applying twice changes nothing but the port and the authority of the server.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError, type KubeApi } from './api/kube-api';
import { KUBEVIRT_CRDS } from './crds/kubevirt-crds';

export const KUBEVIRT_NAMESPACE = 'kubevirt';
export const VIRT_API_SERVICE = 'virt-api';
/** The name that the API server expects in the server's certificate. */
export const VIRT_API_HOST = `${VIRT_API_SERVICE}.${KUBEVIRT_NAMESPACE}.svc`;

const CRDS_PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const API_SERVICE_NAME = 'v1.subresources.kubevirt.io';
const API_SERVICE_PATH = `/apis/apiregistration.k8s.io/v1/apiservices/${API_SERVICE_NAME}`;
const POLL_MS = 50;
const READY_TIMEOUT_MS = 120_000;

interface WithConditions {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[] };
}

/** @throws {Error} when a CRD is not established in 120 s. */
export async function installCrds(api: KubeApi): Promise<void> {
  await Promise.all(KUBEVIRT_CRDS.map((crd) => api.apply(`${CRDS_PATH}/${crd.metadata.name}`, crd)));
  await Promise.all(KUBEVIRT_CRDS.map(({ metadata }) => waitForCondition(api, `${CRDS_PATH}/${metadata.name}`, 'Established')));
  // Established comes a moment before the collection is served.
  await Promise.all(
    ['virtualmachines', 'virtualmachineinstances'].map((resource) =>
      poll(`${resource} to be served`, async () => (await api.exchange({ path: `/apis/kubevirt.io/v1/${resource}?limit=1` })).code === 200),
    ),
  );
}

export interface VirtApiPlace {
  readonly port: number;
  /** Address of the server; `undefined` = 127.0.0.1 of the API server. */
  readonly host: string | undefined;
}

/** @param ca PEM, signs its certificate. @throws {Error} when it is not reachable through the API server in 120 s. */
export async function registerVirtApi(api: KubeApi, { port, host }: VirtApiPlace, ca: string): Promise<void> {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: KUBEVIRT_NAMESPACE } };
  await api.apply(`/api/v1/namespaces/${KUBEVIRT_NAMESPACE}`, namespace);
  await api.apply(`/api/v1/namespaces/${KUBEVIRT_NAMESPACE}/services/${VIRT_API_SERVICE}`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: VIRT_API_SERVICE, namespace: KUBEVIRT_NAMESPACE },
    spec: host === undefined ? { type: 'ExternalName', externalName: 'localhost' } : { ports: [{ port }] },
  });
  if (host !== undefined) {
    await api.apply(`/apis/discovery.k8s.io/v1/namespaces/${KUBEVIRT_NAMESPACE}/endpointslices/${VIRT_API_SERVICE}`, {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: VIRT_API_SERVICE, namespace: KUBEVIRT_NAMESPACE, labels: { 'kubernetes.io/service-name': VIRT_API_SERVICE } },
      addressType: 'IPv4',
      ports: [{ name: '', port }],
      endpoints: [{ addresses: [host], conditions: { ready: true } }],
    });
  }
  await api.apply(API_SERVICE_PATH, {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: API_SERVICE_NAME },
    spec: {
      group: 'subresources.kubevirt.io',
      version: 'v1',
      groupPriorityMinimum: 1_000,
      versionPriority: 15,
      service: { namespace: KUBEVIRT_NAMESPACE, name: VIRT_API_SERVICE, port },
      caBundle: Buffer.from(ca).toString('base64'),
    },
  });
  await waitForCondition(api, API_SERVICE_PATH, 'Available');
  await poll(
    'the subresource API to be served',
    async () => (await api.exchange({ path: '/apis/subresources.kubevirt.io/v1' })).code === 200,
  );
}

/** Takes the APIService away; the rest of the group's objects stay. */
export async function unregisterVirtApi(api: KubeApi): Promise<void> {
  await api.exchange({ method: 'DELETE', path: API_SERVICE_PATH, timeoutMs: 15_000 });
}

/** Deletes the CRDs with all their objects and waits until they are gone. @throws {Error} after 120 s, for example when a finalizer is left. */
export async function uninstallCrds(api: KubeApi): Promise<void> {
  await Promise.all(KUBEVIRT_CRDS.map(({ metadata }) => api.exchange({ method: 'DELETE', path: `${CRDS_PATH}/${metadata.name}` })));
  await Promise.all(
    KUBEVIRT_CRDS.map(({ metadata }) =>
      poll(`${metadata.name} to go`, async () => (await api.find(`${CRDS_PATH}/${metadata.name}`)) === undefined),
    ),
  );
}

async function waitForCondition(api: KubeApi, path: string, type: string): Promise<void> {
  await poll(`${path} to be ${type}`, async () => {
    const object = await api.find<WithConditions>(path);
    return object?.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true;
  });
}

async function poll(what: string, isDone: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  while (!(await isDone())) {
    if (performance.now() > deadlineMs) throw new ApiError(0, 'Timeout', `waited ${READY_TIMEOUT_MS / 1_000} s for ${what}`);
    await delay(POLL_MS);
  }
}
