/**
 * The status of a KubevirtConfig from what is known of its cluster, pure.
 *
 * Owns: the fields and conditions. Invariant: what cannot be said now keeps its last value; nothing moves while the cluster stays as it is.
 */
import { type ConditionInput, conditionOf } from '../../framework';
import type { KubevirtConfig } from '../kinds';
import type { ClusterFindings } from './cluster-findings';
import type { ClusterFacts, ClusterJudgement } from './cluster-state';
import type { SecretVersion } from './kubeconfig-secrets';

export interface StatusFacts extends ClusterFacts {
  /** URL of the API server, without user info. */
  readonly server: string | undefined;
  readonly kubernetesVersion: string | undefined;
  /** RFC 3339. */
  readonly credentialsExpireAt: string | undefined;
  readonly expiresSoon: boolean;
  /** Where the kubeconfig in use was read. */
  readonly credentialsInUse: SecretVersion | undefined;
  /** Where the kubeconfig that was judged last was read. */
  readonly observedCredentials: SecretVersion | undefined;
  /** Key of the config that has the same cluster. */
  readonly duplicateOf: string | undefined;
  /** Differences of CRDs to those of other clusters. */
  readonly crdFindings: readonly string[];
  /** Names of the first Machines placed there. */
  readonly firstMachines: readonly string[];
}

export function statusFields(config: KubevirtConfig, facts: StatusFacts, judged: ClusterJudgement, now: string): Record<string, unknown> {
  const { findings } = facts;
  return {
    observedGeneration: config.metadata?.generation,
    phase: judged.phase,
    status: judged.status,
    message: messageOf(config, judged),
    name: config.metadata?.name,
    created: config.metadata?.creationTimestamp,
    machines: facts.machines,
    lastProbeTime: now,
    ...(facts.server === undefined ? {} : { server: facts.server, credentialsExpireAt: facts.credentialsExpireAt }),
    ...(facts.credentialsInUse === undefined ? {} : { credentialsInUse: facts.credentialsInUse }),
    observedCredentials: facts.observedCredentials,
    ...(facts.kubernetesVersion === undefined ? {} : { kubernetesVersion: facts.kubernetesVersion }),
    ...(findings?.kubeVirtVersion === undefined ? {} : { kubeVirtVersion: findings.kubeVirtVersion }),
    ...(findings?.clusterId === undefined ? {} : { clusterID: findings.clusterId }),
  };
}

export function conditionsOf(config: KubevirtConfig, facts: StatusFacts, judged: ClusterJudgement): ConditionInput[] {
  const isReady = judged.phase === 'Ready';
  const works = facts.health?.state === 'Ready' || facts.health?.state === 'Degraded';
  const message = messageOf(config, judged);
  return [
    { type: 'Ready', status: isReady ? 'True' : 'False', reason: judged.status, message },
    credentials(facts, judged),
    { type: 'Connected', status: works ? 'True' : 'False', reason: works ? 'Connected' : judged.status, message: works ? '' : message },
    ...(works && facts.findings !== undefined ? findingConditions(facts, facts.findings) : []),
    ...onceTrue(config, 'CredentialsExpiring', facts.expiresSoon, 'ExpiresSoon', `the credentials expire at ${facts.credentialsExpireAt}`),
    ...onceTrue(
      config,
      'DuplicateCluster',
      facts.duplicateOf !== undefined,
      'SameCluster',
      `KubevirtConfig ${facts.duplicateOf} is the same cluster; searches count it once, there`,
    ),
    ...onceTrue(
      config,
      'DeletionBlocked',
      config.metadata?.deletionTimestamp !== undefined && facts.machines > 0,
      'InUse',
      `${facts.machines} Machines are placed here: ${facts.firstMachines.join(', ')}`,
    ),
  ];
}

/** One outage has one text, however differently its calls fail. */
function messageOf({ status }: KubevirtConfig, { phase, status: word, message }: ClusterJudgement): string {
  const isSameOutage = phase === 'Unreachable' && status?.phase === phase && status.status === word && word !== 'KubeVirtNotReady';
  return isSameOutage ? (status.message ?? message) : message;
}

function credentials({ problem, health }: StatusFacts, { status, message }: ClusterJudgement): ConditionInput {
  const type = 'CredentialsValid';
  if (problem !== undefined) return { type, status: 'False', reason: problem.problem, message: problem.message };
  // A kubeconfig that passed but does not connect, or is not let in, beside one that works.
  if (health?.problem !== undefined) return { type, status: 'False', reason: 'NotConnected', message: health.problem };
  if (status === 'Unauthorized' || status === 'Forbidden') return { type, status: 'False', reason: status, message };
  const isProven = health?.state === 'Ready' || health?.state === 'Degraded';
  return { type, status: isProven ? 'True' : 'Unknown', reason: isProven ? 'Valid' : 'NotProven', message: '' };
}

function findingConditions(facts: StatusFacts, { kubeVirt, hasImporter, missingRights, forbidden }: ClusterFindings): ConditionInput[] {
  if (forbidden !== undefined) return [];
  const isThere = kubeVirt.length === 0;
  const kubeVirtAvailable = isThere
    ? said('KubeVirtAvailable', true, 'Available', '')
    : said('KubeVirtAvailable', false, 'KubeVirtNotReady', kubeVirt.join('; '));
  return [
    kubeVirtAvailable,
    ...(hasImporter === undefined ? [] : [said('CDIAvailable', hasImporter, hasImporter ? 'Installed' : 'NotInstalled', '')]),
    ...(missingRights === undefined
      ? []
      : [
          said(
            'PermissionsGranted',
            missingRights.length === 0,
            missingRights.length === 0 ? 'Granted' : 'Missing',
            missingRights.join(', '),
          ),
        ]),
    said(
      'CRDVersionsMatch',
      facts.crdFindings.length === 0,
      facts.crdFindings.length === 0 ? 'Match' : 'Mismatch',
      facts.crdFindings.join('; '),
    ),
  ];
}

function said(type: string, holds: boolean, reason: string, message: string): ConditionInput {
  return { type, status: holds ? 'True' : 'False', reason, message };
}

/** Conditions that nobody needs to see before they were true once. */
function onceTrue(config: KubevirtConfig, type: string, holds: boolean, reason: string, message: string): ConditionInput[] {
  if (holds) return [{ type, status: 'True', reason, message }];
  return conditionOf(config, type) === undefined ? [] : [{ type, status: 'False', reason: `Not${reason}`, message: '' }];
}
