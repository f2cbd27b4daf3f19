/**
 * A real control plane with our CRDs, the stand-in for KubeVirt, and the manager's service account with the generated rights.
 *
 * Owns: setting up and taking down, and the journal of what the manager asks the API server for.
 * Never: gives the manager a right that `virt-steward rbac` does not print.
 * Invariant: a manager that was refused something, without a test that said so, makes `stop` fail.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../../hack/control-plane';
import { callsInFile } from '../../hack/rights/audit-log';
import { keepJournal } from '../../hack/rights/journal-folder';
import { denialProblems } from '../../hack/rights/rights-in-use';
import { MODULE_NAMES } from '../../src/cli/module-names';
import { type KubeVirtStandIn, type KubeVirtStandInOptions, startKubeVirtStandIn } from '../kubevirt/stand-in';
import { AdminApi } from './admin-api';
import { applyRights } from './apply-rights';

export const NAMESPACE = 'virt-steward-system';
export const SERVICE_ACCOUNT = 'virt-steward';
/** How the API server calls the manager. */
export const MANAGER_USER = `system:serviceaccount:${NAMESPACE}:${SERVICE_ACCOUNT}`;
/** How every manager introduces itself, and no test that borrows its token. */
const MANAGER_USER_AGENT = 'virt-steward/';
const AUDITED: ControlPlaneOptions = { auditUsers: [MANAGER_USER] };
/** Lets the API server check what OpenShift checks: whose owner references block a deletion must be allowed to change finalizers. */
const ADMISSION = '--enable-admission-plugins=OwnerReferencesPermissionEnforcement';
export const ROOT = join(__dirname, '..', '..', '..');
export const MAIN = join(ROOT, 'dist', 'main.js');

export interface StewardClusterOptions {
  /** Whose rights are installed and what managers run, as `--modules` takes them. @default every module */
  modules?: string;
  controlPlane?: ControlPlaneOptions;
  /** `false` = a cluster without KubeVirt. */
  kubevirt?: Omit<KubeVirtStandInOptions, 'kubeconfig'> | false;
  /** Further flags of `virt-steward rbac`, for managers with other flags than the default ones. @default none */
  rbacFlags?: readonly string[];
  /** Group whose definitions of crds/ are installed. @default all of them */
  definitions?: string;
  /** Record what the manager asks for, and fail `stop` when it was refused something. @default true */
  audit?: boolean;
  /** Let nobody set the owner of an object that he may not delete, as OpenShift does and plain Kubernetes does not. @default true */
  guardedOwners?: boolean;
  /** Called at each step, for people who wait. */
  onStep?: (step: string) => void;
}

export class StewardCluster {
  private readonly expectedDenials = new Set<string>();

  private constructor(
    readonly controlPlane: ControlPlane,
    readonly api: AdminApi,
    /** A kubeconfig file that holds a token of the manager's service account. */
    readonly managerKubeconfig: string,
    /** Of the manager, as `--modules` takes them. */
    readonly modules: string,
    private standIn: KubeVirtStandIn | undefined,
  ) {}

  static async start(options: StewardClusterOptions = {}): Promise<StewardCluster> {
    const {
      modules = MODULE_NAMES.join(),
      kubevirt = {},
      audit = true,
      guardedOwners = true,
      definitions,
      rbacFlags = [],
      onStep,
    } = options;
    onStep?.('starting etcd, kube-apiserver and kube-controller-manager');
    const controlPlane = await startControlPlane({
      ...(audit ? AUDITED : {}),
      ...options.controlPlane,
      ...(guardedOwners ? { extraArgs: withAdmission(options.controlPlane?.extraArgs) } : {}),
    });
    try {
      const api = new AdminApi(controlPlane);
      onStep?.('installing CRDs and the rights printed by "virt-steward rbac"');
      await installCrds(api, definitions);
      await installRights(api, [`--modules=${modules}`, ...rbacFlags]);
      const text = await controlPlane.serviceAccountKubeconfig(NAMESPACE, SERVICE_ACCOUNT);
      const kubeconfig = controlPlane.writeFile('manager.kubeconfig', text);
      const cluster = new StewardCluster(controlPlane, api, kubeconfig, modules, undefined);
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

  /** From now on the manager may be refused this, for example `update virtualmachines/start.subresources.kubevirt.io`; it has to be. */
  expectDenial(right: string): void {
    this.expectedDenials.add(right);
  }

  /** @throws {Error} naming what the manager was refused although no test expects it; everything is stopped then as well. */
  async stop(): Promise<void> {
    await this.standIn?.stop().catch(() => undefined);
    const { auditLog, apiServerStarts } = this.controlPlane;
    const calls = auditLog === '' || !existsSync(auditLog) ? [] : callsInFile(auditLog, MANAGER_USER_AGENT);
    await this.controlPlane.stop();
    if (auditLog === '') return;
    keepJournal({ namespace: NAMESPACE, calls });
    const problems = denialProblems(calls, { expected: this.expectedDenials, restarted: apiServerStarts > 1 });
    if (problems.length > 0) throw new Error(problems.join('\n'));
  }
}

function withAdmission(extraArgs: ControlPlaneOptions['extraArgs'] = {}): NonNullable<ControlPlaneOptions['extraArgs']> {
  return { ...extraArgs, 'kube-apiserver': [ADMISSION, ...(extraArgs['kube-apiserver'] ?? [])] };
}

/** What is in crds/, or of it what is of one API group. */
export async function installCrds(api: AdminApi, group = ''): Promise<void> {
  const folder = join(ROOT, 'crds');
  const files = (await readdir(folder)).filter((file) => file.startsWith(group) && file.endsWith('.yaml'));
  const crds = (await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))).flatMap(objectsIn);
  await Promise.all(crds.map((crd) => api.apply(crd)));
  await Promise.all(crds.map((crd) => api.waitForCondition(crd, 'Established')));
}

async function installRights(api: AdminApi, flags: readonly string[]): Promise<void> {
  await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: SERVICE_ACCOUNT, namespace: NAMESPACE } });
  const args = [MAIN, 'rbac', '--output=yaml', `--namespace=${NAMESPACE}`, `--service-account=${SERVICE_ACCOUNT}`, ...flags];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const objects = objectsIn(stdout);
  const places = new Set(objects.map(({ metadata }) => metadata.namespace).filter((namespace) => namespace !== undefined));
  for (const name of places) await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await applyRights(api, objects, MANAGER_USER);
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
