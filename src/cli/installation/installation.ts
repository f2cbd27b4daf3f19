/**
 * An installation as its Deployment states it: with which flags managers run, and which pods there are.
 *
 * Owns: which pods belong to it. Never: judges.
 */
import { type Deployment, Deployment as DeploymentKind, Pod, Settings } from '../../framework';
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import type { Reading } from '../../kubevirt/diagnosis/reading';
import { MANAGER_DEFINITIONS, type ManagerSettingKey, managerContainer } from './manager-container';

export type InstalledSettings = Settings<ManagerSettingKey>;

export interface Installation {
  readonly deployment: Deployment;
  readonly settings: InstalledSettings;
  /** Pods of the Deployment that are not being deleted, and have not ended for good. */
  readonly pods: readonly Pod[];
  /** Those of them that are Ready. */
  readonly readyPods: readonly Pod[];
}

/** What is not read, and why, when one of the parts cannot be. */
export async function readInstallation(view: ClusterView, name: string, namespace: string): Promise<Reading<Installation>> {
  const deployment = await view.get(DeploymentKind, name, namespace);
  if (deployment.kind !== 'read') return deployment;
  const pods = await view.list(Pod, { namespace, labels: selectorOf(deployment.value) });
  if (pods.kind !== 'read') return pods;
  const staying = pods.value.filter((pod) => pod.metadata?.deletionTimestamp === undefined && !isOver(pod));
  const { flags, variables } = await managerContainer(view, deployment.value);
  const settings = new Settings(MANAGER_DEFINITIONS, flags, variables);
  return { kind: 'read', value: { deployment: deployment.value, settings, pods: staying, readyPods: staying.filter(isReady) } };
}

function selectorOf({ spec }: Deployment): string {
  const { matchLabels = {} } = (spec?.['selector'] ?? {}) as { matchLabels?: Readonly<Record<string, string>> };
  return Object.entries(matchLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** As one that was evicted, or whose node was shut down: its address stays in its status, and Kubernetes has put another in its place. */
function isOver({ status }: Pod): boolean {
  return status?.phase === 'Failed' || status?.phase === 'Succeeded';
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
}

/** Replicas that the Deployment asks for. */
export function wantedReplicas({ spec }: Deployment): number {
  return Number(spec?.['replicas'] ?? 1);
}
