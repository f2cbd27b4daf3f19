/**
 * A real control plane with our CRDs, the stand-in for KubeVirt, and the manager's service account with the generated rights.
 *
 * Owns: setting up and taking down. Never: gives the manager a right that `virt-steward rbac` does not print.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../../hack/control-plane';
import { type KubeVirtStandIn, type KubeVirtStandInOptions, startKubeVirtStandIn } from '../kubevirt/stand-in';
import { AdminApi } from './admin-api';

export const NAMESPACE = 'virt-steward-system';
export const SERVICE_ACCOUNT = 'virt-steward';
export const ROOT = join(__dirname, '..', '..', '..');
export const MAIN = join(ROOT, 'dist', 'main.js');

export interface StewardClusterOptions {
  controlPlane?: ControlPlaneOptions;
  /** `false` = a cluster without KubeVirt. */
  kubevirt?: Omit<KubeVirtStandInOptions, 'kubeconfig'> | false;
  /** Flags of `virt-steward rbac`, for managers with other flags than the default ones. @default none */
  rbacFlags?: readonly string[];
  /** Called at each step, for people who wait. */
  onStep?: (step: string) => void;
}

export class StewardCluster {
  private constructor(
    readonly controlPlane: ControlPlane,
    readonly api: AdminApi,
    /** A kubeconfig file that holds a token of the manager's service account. */
    readonly managerKubeconfig: string,
    private standIn: KubeVirtStandIn | undefined,
  ) {}

  static async start({
    controlPlane: options = {},
    kubevirt = {},
    rbacFlags = [],
    onStep,
  }: StewardClusterOptions = {}): Promise<StewardCluster> {
    onStep?.('starting etcd, kube-apiserver and kube-controller-manager');
    const controlPlane = await startControlPlane(options);
    try {
      const api = new AdminApi(controlPlane);
      onStep?.('installing CRDs and the rights printed by "virt-steward rbac"');
      await installCrds(api);
      await installRights(api, rbacFlags);
      const text = await controlPlane.serviceAccountKubeconfig(NAMESPACE, SERVICE_ACCOUNT);
      const cluster = new StewardCluster(controlPlane, api, controlPlane.writeFile('manager.kubeconfig', text), undefined);
      if (kubevirt !== false) {
        onStep?.('installing a stand-in for KubeVirt: its API, no guests');
        await cluster.installKubeVirt(kubevirt);
      }
      return cluster;
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  async installKubeVirt(options: Omit<KubeVirtStandInOptions, 'kubeconfig'> = {}): Promise<KubeVirtStandIn> {
    this.standIn = await startKubeVirtStandIn({ ...options, kubeconfig: this.controlPlane.kubeconfig });
    return this.standIn;
  }

  get kubevirt(): KubeVirtStandIn {
    if (this.standIn === undefined) throw new Error('this cluster was started without KubeVirt');
    return this.standIn;
  }

  async stop(): Promise<void> {
    await this.standIn?.stop().catch(() => undefined);
    await this.controlPlane.stop();
  }
}

async function installCrds(api: AdminApi): Promise<void> {
  const folder = join(ROOT, 'crds');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml'));
  const crds = (await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))).flatMap(objectsIn);
  await Promise.all(crds.map((crd) => api.apply(crd)));
  await Promise.all(crds.map((crd) => api.waitForCondition(crd, 'Established')));
}

async function installRights(api: AdminApi, flags: readonly string[]): Promise<void> {
  await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: SERVICE_ACCOUNT, namespace: NAMESPACE } });
  const args = [MAIN, 'rbac', '--output=yaml', `--namespace=${NAMESPACE}`, `--service-account=${SERVICE_ACCOUNT}`, ...flags];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  for (const object of objectsIn(stdout)) await api.apply(object);
}

/** The objects of a YAML stream. */
export function objectsIn(text: string): TestObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as TestObject | null)
    .filter((object): object is TestObject => object !== null);
}

export interface TestObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; [field: string]: unknown };
  [field: string]: unknown;
}
