/**
 * A remote cluster for the machines module: a real control plane with the stand-in for KubeVirt, and an account with exactly the rights
 * that `virt-steward rbac --modules=machines --remote` prints.
 *
 * Owns: what the checks of a cluster look at, which the stand-in for KubeVirt lacks. Never: gives the account a further right.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane';
import { callsInFile } from '../../hack/rights/audit-log';
import { denialProblems } from '../../hack/rights/rights-in-use';
import { type KubeVirtStandIn, startKubeVirtStandIn, type Timings } from '../kubevirt/stand-in';
import { AdminApi } from './admin-api';
import { applyRights } from './apply-rights';
import { MAIN, objectsIn, type TestObject } from './steward-cluster';

const NAMESPACE = 'virt-steward';
/** Two, so that one can take over from the other. */
const ACCOUNTS = ['virt-steward', 'virt-steward-next'] as const;
export type RemoteAccount = (typeof ACCOUNTS)[number];
const USERS = ACCOUNTS.map((name) => `system:serviceaccount:${NAMESPACE}:${name}`);
const USER_AGENT = 'virt-steward/';
export const KUBEVIRT_NAMESPACE = 'kubevirt';
const COMPONENTS = {
  'virt-api': 'Deployment',
  'virt-controller': 'Deployment',
  'virt-operator': 'Deployment',
  'virt-handler': 'DaemonSet',
};

/** Without nodes nothing would ever be ready; the status is what the test says. */
const NO_WORKLOADS = '--controllers=*,-deployment-controller,-daemonset-controller,-replicaset-controller';

export interface RemoteOptions {
  /** Record what the account asks for, and fail `stop` when it was refused something. @default true */
  audit?: boolean;
  /** Garbage collection, which takes a further process. @default false */
  controllerManager?: boolean;
  /** Make the accounts; `false` leaves that to `virt-steward kubeconfig`. @default true */
  accounts?: boolean;
  /** Of the stand-in for KubeVirt. */
  timings?: Timings;
  /** Ends the start. */
  signal?: AbortSignal;
}

export class RemoteKubeVirt {
  private readonly expectedDenials = new Set<string>();

  private constructor(
    readonly controlPlane: ControlPlane,
    readonly api: AdminApi,
    readonly kubevirt: KubeVirtStandIn,
  ) {}

  static async start(options: RemoteOptions = {}): Promise<RemoteKubeVirt> {
    const { audit = true, controllerManager = false, accounts = true, timings = {}, signal } = options;
    const controlPlane = await startControlPlane({
      controllerManager,
      ...(signal === undefined ? {} : { signal }),
      ...(controllerManager ? { extraArgs: { 'kube-controller-manager': [NO_WORKLOADS] } } : {}),
      ...(audit ? { auditUsers: USERS } : {}),
    });
    try {
      const api = new AdminApi(controlPlane);
      const kubevirt = await startKubeVirtStandIn({ kubeconfig: controlPlane.kubeconfig, timings });
      const remote = new RemoteKubeVirt(controlPlane, api, kubevirt);
      await remote.installKubeVirt();
      if (accounts) for (const account of ACCOUNTS) await remote.installAccount(account);
      return remote;
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  /** A kubeconfig with a new token of the account. @param server instead of its own, for a proxy in between. */
  async kubeconfig(account: RemoteAccount = 'virt-steward', server = this.controlPlane.server): Promise<string> {
    return (await this.controlPlane.serviceAccountKubeconfig(NAMESPACE, account)).replaceAll(this.controlPlane.server, server);
  }

  /** Every token of the account so far stops to work. */
  async revoke(name: RemoteAccount = 'virt-steward'): Promise<void> {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: NAMESPACE } };
    await this.api.delete(account);
    await this.api.apply(account);
  }

  /** UID by which the cluster is known. */
  async id(): Promise<string> {
    const found = await this.api.get({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } });
    return String(found?.metadata['uid']);
  }

  /** From now on the account may be refused this. */
  expectDenial(right: string): void {
    this.expectedDenials.add(right);
  }

  async setKubeVirtAvailable(status: 'True' | 'False'): Promise<void> {
    await this.setStatus('/apis/kubevirt.io/v1/namespaces/kubevirt/kubevirts/kubevirt', {
      observedKubeVirtVersion: 'v1.8.1',
      phase: status === 'True' ? 'Deployed' : 'Deploying',
      conditions: [{ type: 'Available', status }],
    });
  }

  /** @throws {Error} naming what the account was refused although no test expects it. */
  async stop(): Promise<void> {
    await this.kubevirt.stop().catch(() => undefined);
    const { auditLog, apiServerStarts } = this.controlPlane;
    const calls = auditLog === '' ? [] : callsInFile(auditLog, USER_AGENT);
    await this.controlPlane.stop();
    const problems = denialProblems(calls, { expected: this.expectedDenials, restarted: apiServerStarts > 1 });
    if (problems.length > 0) throw new Error(problems.join('\n'));
  }

  private async installKubeVirt(): Promise<void> {
    const crds = [
      anyCrd('kubevirt.io', 'v1', 'KubeVirt', 'kubevirts', 'Namespaced'),
      anyCrd('cdi.kubevirt.io', 'v1beta1', 'DataVolume', 'datavolumes', 'Namespaced'),
      anyCrd('cdi.kubevirt.io', 'v1beta1', 'StorageProfile', 'storageprofiles', 'Cluster'),
      anyCrd('k8s.cni.cncf.io', 'v1', 'NetworkAttachmentDefinition', 'network-attachment-definitions', 'Namespaced'),
    ];
    for (const crd of crds) await this.api.apply(crd);
    for (const crd of crds) await this.api.waitForCondition(crd, 'Established');
    await this.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: KUBEVIRT_NAMESPACE } });
    await this.api.apply({ apiVersion: 'kubevirt.io/v1', kind: 'KubeVirt', metadata: { name: 'kubevirt', namespace: KUBEVIRT_NAMESPACE } });
    await this.setKubeVirtAvailable('True');
    for (const [name, kind] of Object.entries(COMPONENTS)) {
      await this.api.apply(aWorkload(kind, name));
      const status =
        kind === 'Deployment'
          ? { replicas: 1, readyReplicas: 1 }
          : { numberReady: 1, currentNumberScheduled: 1, desiredNumberScheduled: 1, numberMisscheduled: 0 };
      await this.setStatus(`/apis/apps/v1/namespaces/${KUBEVIRT_NAMESPACE}/${kind.toLowerCase()}s/${name}`, status);
    }
  }

  private async setStatus(path: string, status: object): Promise<void> {
    await this.api.ask({ method: 'PATCH', path: `${path}/status`, body: { status }, contentType: 'application/merge-patch+json' });
  }

  private async installAccount(account: RemoteAccount): Promise<void> {
    await this.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    await this.api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace: NAMESPACE } });
    const names = [`--namespace=${NAMESPACE}`, `--service-account=${account}`, `--name=${account}-remote`];
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'rbac', '--modules=machines', '--remote', ...names]);
    await applyRights(this.api, objectsIn(stdout), `system:serviceaccount:${NAMESPACE}:${account}`);
  }
}

function anyCrd(group: string, version: string, kind: string, plural: string, scope: 'Namespaced' | 'Cluster'): TestObject {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        { name: version, served: true, storage: true, schema, ...(scope === 'Namespaced' ? { subresources: { status: {} } } : {}) },
      ],
    },
  };
}

function aWorkload(kind: string, name: string): TestObject {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace: KUBEVIRT_NAMESPACE },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name, image: 'none' }] } },
    },
  };
}
