/**
 * The API server as an administrator uses it from a test: apply, read, patch, delete, wait.
 *
 * Never: goes through the code under test. Every refusal is an error that shows the server's answer.
 */
import type { RestRequest, RestResponse } from '../../hack/control-plane/rest';
import { poll } from './poll';
import type { TestObject } from './steward-cluster';

/** Kinds that tests write, with their plural and whether they live in a namespace. */
const RESOURCES: Readonly<Record<string, { plural: string; namespaced: boolean }>> = {
  ClusterRole: { plural: 'clusterroles', namespaced: false },
  ClusterRoleBinding: { plural: 'clusterrolebindings', namespaced: false },
  ConfigMap: { plural: 'configmaps', namespaced: true },
  CustomResourceDefinition: { plural: 'customresourcedefinitions', namespaced: false },
  Deployment: { plural: 'deployments', namespaced: true },
  DaemonSet: { plural: 'daemonsets', namespaced: true },
  DataVolume: { plural: 'datavolumes', namespaced: true },
  Greeting: { plural: 'greetings', namespaced: true },
  HyperConverged: { plural: 'hyperconvergeds', namespaced: true },
  KubeDescheduler: { plural: 'kubedeschedulers', namespaced: true },
  KubeVirt: { plural: 'kubevirts', namespaced: true },
  KubevirtConfig: { plural: 'kubevirtconfigs', namespaced: true },
  Machine: { plural: 'machines', namespaced: true },
  Lease: { plural: 'leases', namespaced: true },
  Namespace: { plural: 'namespaces', namespaced: false },
  NetworkConfiguration: { plural: 'networkconfigurations', namespaced: true },
  Node: { plural: 'nodes', namespaced: false },
  PersistentVolumeClaim: { plural: 'persistentvolumeclaims', namespaced: true },
  Pod: { plural: 'pods', namespaced: true },
  Role: { plural: 'roles', namespaced: true },
  RoleBinding: { plural: 'rolebindings', namespaced: true },
  Secret: { plural: 'secrets', namespaced: true },
  Service: { plural: 'services', namespaced: true },
  ServiceAccount: { plural: 'serviceaccounts', namespaced: true },
  StorageClass: { plural: 'storageclasses', namespaced: false },
  StorageProfile: { plural: 'storageprofiles', namespaced: false },
  VirtualMachine: { plural: 'virtualmachines', namespaced: true },
  VirtualMachineInstance: { plural: 'virtualmachineinstances', namespaced: true },
  Website: { plural: 'websites', namespaced: true },
  WolConfig: { plural: 'wolconfigs', namespaced: false },
};

export type Reference = Pick<TestObject, 'apiVersion' | 'kind' | 'metadata'>;

interface Definition extends TestObject {
  spec: { group: string; names: { plural: string }; versions: { name: string; served: boolean }[] };
}

export class ApiRefusal extends Error {
  constructor(
    what: string,
    readonly status: number,
    readonly body: unknown,
  ) {
    super(`${what}: ${status} ${JSON.stringify(body)}`);
  }
}

/** A control plane, or anything else that takes requests as the administrator of a cluster. */
export interface AdminRequests {
  request(request: RestRequest): Promise<RestResponse>;
}

export class AdminApi {
  constructor(private readonly controlPlane: AdminRequests) {}

  /** Server-side apply as field manager `test`. */
  apply<T extends TestObject>(object: T): Promise<T> {
    const path = `${pathOf(object)}?fieldManager=test&force=true`;
    return this.ask<T>({ method: 'PATCH', path, body: object, contentType: 'application/apply-patch+yaml' });
  }

  async get<T extends TestObject>(reference: Reference): Promise<T | undefined> {
    const { status, body } = await this.controlPlane.request({ path: pathOf(reference) });
    if (status === 404) return undefined;
    if (status !== 200) throw new ApiRefusal(`get ${pathOf(reference)}`, status, body);
    return body as T;
  }

  async list<T extends TestObject>(path: string): Promise<T[]> {
    return (await this.ask<{ items: T[] }>({ path })).items;
  }

  mergePatch<T extends TestObject>(reference: Reference, patch: unknown): Promise<T> {
    return this.ask<T>({ method: 'PATCH', path: pathOf(reference), body: patch, contentType: 'application/merge-patch+json' });
  }

  async delete(reference: Reference): Promise<void> {
    const path = pathOf(reference);
    const { status, body } = await this.controlPlane.request({ method: 'DELETE', path });
    if (status !== 200 && status !== 202 && status !== 404) throw new ApiRefusal(`delete ${path}`, status, body);
  }

  /** Of a definition that is Established also until what it defines is served: that follows a moment later. */
  async waitForCondition(reference: Reference, type: string, status = 'True'): Promise<void> {
    await poll(`${reference.kind} ${reference.metadata.name} to be ${type}=${status}`, async () => {
      const object = await this.get<TestObject & { status?: { conditions?: { type: string; status: string }[] } }>(reference);
      return object?.status?.conditions?.some((condition) => condition.type === type && condition.status === status);
    });
    if (type === 'Established' && status === 'True') await this.waitUntilServed(reference);
  }

  private async waitUntilServed(definition: Reference): Promise<void> {
    const { spec } = (await this.get<Definition>(definition))!;
    for (const { name } of spec.versions.filter(({ served }) => served)) {
      const path = `/apis/${spec.group}/${name}`;
      await poll(`${path}/${spec.names.plural} to be served`, async () => {
        const { body } = await this.controlPlane.request({ path });
        const isTold = (body as { resources?: { name: string }[] }).resources?.some((resource) => resource.name === spec.names.plural);
        return isTold && (await this.controlPlane.request({ path: `${path}/${spec.names.plural}?limit=1` })).status === 200;
      });
    }
  }

  async ask<T>(request: RestRequest): Promise<T> {
    const { status, body } = await this.controlPlane.request(request);
    if (status >= 300) throw new ApiRefusal(`${request.method ?? 'GET'} ${request.path}`, status, body);
    return body as T;
  }
}

function pathOf({ apiVersion, kind, metadata: { name, namespace } }: Reference): string {
  const resource = RESOURCES[kind];
  if (resource === undefined) throw new Error(`the test harness does not know the kind ${kind}`);
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = resource.namespaced ? `/namespaces/${namespace ?? 'default'}` : '';
  return `${root}${scope}/${resource.plural}/${name}`;
}
