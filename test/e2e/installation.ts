/**
 * The chart as one of the two Helms installs it on a stage, and what then lies in the cluster.
 *
 * Owns: waiting for pods and roll-outs, and the list of everything that is left. Never: asserts.
 */
import { expect } from 'chai';
import type { ResourceAttributes } from '../harness/account-rights';
import { CHART, type Helm, RELEASE } from '../harness/helm';
import { poll } from '../harness/poll';
import type { TestObject } from '../harness/steward-cluster';
import type { Stage } from './stage';

/** Several times what a machine with nothing else to do needs. */
export const SLOW = { timeoutMs: 180_000, intervalMs: 250 };
export const MANAGERS = 'app.kubernetes.io/component=manager';
export const AGENTS = 'app=wol-agent';

export interface Pod extends TestObject {
  readonly metadata: TestObject['metadata'] & { uid: string; deletionTimestamp?: string };
  readonly spec: {
    nodeName: string;
    hostNetwork?: boolean;
    automountServiceAccountToken?: boolean;
    securityContext: unknown;
    volumes?: { projected?: { sources: object[] } }[];
    containers: { image: string; securityContext: unknown }[];
  };
  readonly status: { conditions?: { type: string; status: string; lastTransitionTime: string }[]; startTime?: string };
}

interface Rollout extends TestObject {
  metadata: TestObject['metadata'] & { generation: number };
  status?: Readonly<Record<string, number>>;
}

/** Objects that a namespace has of itself, or that remember what was. */
const NOT_OURS = /\/(events|namespaces)\/|configmaps\/kube-root-ca\.crt$|serviceaccounts\/default$|configmaps\/openshift-service-ca\.crt$/;
const CLUSTER_WIDE = ['clusterroles', 'clusterrolebindings'].map(
  (plural) => `/apis/rbac.authorization.k8s.io/v1/${plural}?labelSelector=app.kubernetes.io/part-of=virt-steward`,
);

export class Installation {
  constructor(
    readonly stage: Stage,
    readonly helm: Helm,
  ) {}

  get place(): string[] {
    return [`--kubeconfig=${this.stage.kubeconfigPath}`, `--namespace=${this.stage.namespace}`];
  }

  /** With default values, but for what the cluster forces. @returns what Helm prints. */
  install(...args: string[]): Promise<string> {
    return this.helm.must('install', RELEASE, CHART, ...this.place, '--create-namespace', ...this.stage.helmArguments, ...args);
  }

  upgrade(chart: string, ...args: string[]): Promise<string> {
    return this.helm.must('upgrade', RELEASE, chart, ...this.place, ...this.stage.helmArguments, ...args);
  }

  test(): Promise<string> {
    return this.helm.must('test', RELEASE, ...this.place, ...(this.helm.major === 3 ? [] : ['--logs']));
  }

  uninstall(): Promise<string> {
    return this.helm.must('uninstall', RELEASE, ...this.place);
  }

  /** Of these actions those that an account of the namespace may do, as it is told itself. */
  async allowedActions(account: string, actions: readonly ResourceAttributes[]): Promise<ResourceAttributes[]> {
    const { api, namespace } = this.stage;
    const { status } = await api.ask<{ status: { token: string } }>({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } },
    });
    const answers = await Promise.all(
      actions.map(async (resourceAttributes) => {
        const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } };
        const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
        const answer = await this.stage.requestAs(status.token, { method: 'POST', path, body });
        expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
        return (answer.body as { status: { allowed: boolean } }).status.allowed;
      }),
    );
    return actions.filter((_, index) => answers[index]);
  }

  /** What Pod Security admission has to say of the pods there are, were its level enforced. */
  async podSecurityWarnings(level: 'baseline' | 'restricted'): Promise<readonly string[]> {
    const { status, warnings, body } = await this.stage.request({
      method: 'PATCH',
      path: `/api/v1/namespaces/${this.stage.namespace}?dryRun=All`,
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels: { 'pod-security.kubernetes.io/enforce': level } } },
    });
    expect(status, JSON.stringify(body)).to.equal(200);
    return warnings;
  }

  pods(selector: string): Promise<Pod[]> {
    const { api, namespace } = this.stage;
    return api.list<Pod>(`/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`);
  }

  untilReady(selector: string, count: number): Promise<Pod[]> {
    let pods: Pod[] = [];
    return poll(
      `${count} pods with ${selector} to be Ready`,
      async () => {
        pods = await this.pods(selector);
        return pods.length === count && pods.every(isReady) ? pods : undefined;
      },
      { ...SLOW, onTimeout: () => JSON.stringify(pods.map(({ status }) => status)).slice(0, 4_000) },
    );
  }

  /** Whether the manager's Deployment and all DaemonSets run what their templates say. */
  async isRolledOut(): Promise<boolean> {
    const { api, namespace } = this.stage;
    const apps = `/apis/apps/v1/namespaces/${namespace}`;
    const deployments = await api.list<Rollout>(`${apps}/deployments`);
    const daemonSets = await api.list<Rollout>(`${apps}/daemonsets`);
    const isCurrent = ({ metadata, status = {} }: Rollout): boolean => (status['observedGeneration'] ?? 0) >= metadata.generation;
    return (
      [...deployments, ...daemonSets].every(isCurrent) &&
      deployments.every(({ status = {} }) => status['updatedReplicas'] === status['replicas'] && !status['unavailableReplicas']) &&
      daemonSets.every(
        ({ status = {} }) =>
          (status['updatedNumberScheduled'] ?? 0) === status['desiredNumberScheduled'] &&
          status['numberReady'] === status['desiredNumberScheduled'],
      )
    );
  }

  /** Paths of everything in the namespace, and of what is ours in the cluster, but for definitions and their objects. */
  async leftovers(): Promise<string[]> {
    const { api, namespace } = this.stage;
    const lists = [...(await this.namespacedLists()).map((list) => list.replace('NAMESPACE', namespace)), ...CLUSTER_WIDE];
    const found = await Promise.all(
      lists.map(async (list) => (await api.list<TestObject>(list)).map(({ metadata }) => `${list.split('?')[0]}/${metadata.name}`)),
    );
    return found.flat().filter((path) => !NOT_OURS.test(path));
  }

  async untilNothingIsLeft(): Promise<void> {
    let left: string[] = [];
    const onTimeout = (): string => left.join('\n');
    await poll(
      'nothing to be left',
      async () => {
        left = await this.leftovers();
        return left.length === 0;
      },
      { ...SLOW, onTimeout },
    );
  }

  /** Paths of all collections in a namespace that can be listed. */
  private async namespacedLists(): Promise<string[]> {
    const { api } = this.stage;
    const { groups } = await api.ask<{ groups: { preferredVersion: { groupVersion: string } }[] }>({ path: '/apis' });
    const roots = ['/api/v1', ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
    const lists = await Promise.all(
      roots.map(async (root) => {
        const { resources } = await api.ask<{ resources: { name: string; namespaced: boolean; verbs: string[] }[] }>({ path: root });
        return resources
          .filter(({ name, namespaced, verbs }) => namespaced && verbs.includes('list') && !name.includes('/'))
          .map(({ name }) => `${root}/namespaces/NAMESPACE/${name}`);
      }),
    );
    return lists.flat();
  }
}

export function isReady({ metadata, status }: Pod): boolean {
  const isSo = status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  return isSo && metadata.deletionTimestamp === undefined;
}

/** Seconds from the start of a pod until it was Ready, as kubelet tells: whole ones. */
export function secondsToReady({ status }: Pod): number {
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  expect(status.startTime, 'the start of the pod').to.be.a('string');
  return (Date.parse(ready?.lastTransitionTime ?? '') - Date.parse(status.startTime ?? '')) / 1_000;
}
