/**
 * What a KubevirtConfig is, as one phase and one word, pure.
 *
 * Owns: the order in which facts count, and their words. Never: a text with a time or a counter that moves.
 */
import type { ClusterHealth } from '../../framework';
import { ACCEPT_CLUSTER_ID_ANNOTATION } from '../keys';
import type { ClusterFindings } from './cluster-findings';
import type { KubevirtConfigError } from './config-error';

export type ConfigPhase = 'Ready' | 'Unreachable' | 'Invalid';
export type ConfigStatus =
  | 'Connected'
  | 'KubeVirtNotReady'
  | 'Disconnected'
  | 'TLSError'
  | 'ServerError'
  | 'Unauthorized'
  | 'Forbidden'
  | 'SecretNotFound'
  | 'SecretForbidden'
  | 'InvalidKubeconfig'
  | 'InvalidSpec'
  | 'ClusterChanged';

export interface ClusterFacts {
  /** metadata.name. */
  readonly name: string;
  /** Why the kubeconfig that is named now cannot be used. */
  readonly problem: KubevirtConfigError | undefined;
  /** Of the engaged cluster, which may still work with the kubeconfig before. */
  readonly health: Pick<ClusterHealth, 'state' | 'detail' | 'problem'> | undefined;
  readonly findings: ClusterFindings | undefined;
  /** Cluster that Machines were placed on. */
  readonly expectedId: string | undefined;
  /** Number of Machines placed there. */
  readonly machines: number;
}

export interface ClusterJudgement {
  readonly phase: ConfigPhase;
  readonly status: ConfigStatus;
  readonly message: string;
}

/** @returns `undefined` while nothing can be said: it is being connected, or not checked yet. */
export function judgeCluster(facts: ClusterFacts): ClusterJudgement | undefined {
  const { problem, health, findings } = facts;
  const works = health?.state === 'Ready' || health?.state === 'Degraded';
  if (problem !== undefined && !works) return problemOf(problem);
  switch (health?.state) {
    case undefined:
    case 'Connecting':
      return undefined;
    case 'Refused':
      return { phase: 'Invalid', status: 'InvalidKubeconfig', message: health.detail };
    case 'AuthFailed':
      return { phase: 'Invalid', status: 'Unauthorized', message: health.detail };
    case 'Unreachable':
      return { phase: 'Unreachable', status: outageOf(health.detail), message: health.detail };
    default:
      return findings === undefined ? undefined : judgeFindings(facts, findings);
  }
}

/** Whether the cluster is another one than Machines were placed on, and nobody has accepted it. */
export function hasChanged({ findings, expectedId, machines }: Pick<ClusterFacts, 'findings' | 'expectedId' | 'machines'>): boolean {
  return expectedId !== undefined && machines > 0 && findings?.clusterId !== undefined && findings.clusterId !== expectedId;
}

function judgeFindings(facts: ClusterFacts, { forbidden, kubeVirt, clusterId }: ClusterFindings): ClusterJudgement {
  if (forbidden !== undefined) return { phase: 'Invalid', status: 'Forbidden', message: forbidden };
  if (hasChanged(facts)) {
    return {
      phase: 'Invalid',
      status: 'ClusterChanged',
      message: clusterChangedText(facts.name, facts.machines, facts.expectedId!, clusterId!),
    };
  }
  if (kubeVirt.length > 0) return { phase: 'Unreachable', status: 'KubeVirtNotReady', message: kubeVirt.join('; ') };
  return { phase: 'Ready', status: 'Connected', message: '' };
}

export function clusterChangedText(name: string, machines: number, old: string, now: string): string {
  return `KubevirtConfig ${name} now points to cluster ${now}, but ${machines} Machines were placed on cluster ${old}; set annotation ${ACCEPT_CLUSTER_ID_ANNOTATION}: ${now} to accept it`;
}

function problemOf({ problem, message }: KubevirtConfigError): ClusterJudgement {
  switch (problem) {
    case 'SecretNotFound':
    case 'SecretForbidden':
    case 'InvalidSpec':
    case 'InvalidKubeconfig':
      return { phase: 'Invalid', status: problem, message };
    default:
      return { phase: 'Unreachable', status: 'Disconnected', message };
  }
}

/** What the transport's text tells of the reason. */
export function outageOf(detail: string): ConfigStatus {
  if (/\b(5\d\d|429)\b [A-Z]|: (5\d\d|429):/.test(detail)) return 'ServerError';
  return /certificat|\bTLS\b|\bSSL\b|altname|self.signed|CERT_|issuer/i.test(detail) ? 'TLSError' : 'Disconnected';
}
