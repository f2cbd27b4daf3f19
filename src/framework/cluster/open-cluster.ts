/**
 * One cluster for a program that looks at it for a moment: no metrics, no health, nothing that outlives it.
 *
 * Owns: its connection. Never: repeats a call; somebody waits for the answer and can ask again.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { KubeClient } from '../client';
import { nullLogger } from '../logging/logger';
import type { Clock } from '../time/clock';
import { Cluster, LOCAL_CLUSTER } from './cluster';
import { Connection } from './connection';

export interface OpenClusterOptions {
  readonly clock: Clock;
  /** See `userAgentOf`. */
  readonly userAgent: string;
  /** What OPERATOR_NAMESPACE stands for. */
  readonly namespace: string;
  /** Of server-side apply, and the value of the managed-by label. */
  readonly manager: string;
}

export interface OpenedCluster {
  readonly cluster: Pick<Cluster, 'client' | 'openInformer'>;
  /** Ends what is under way and every connection; informers that were opened have to be stopped as well. */
  close(): Promise<void>;
}

/** Contacts nobody yet. */
export function openCluster(kubeConfig: KubeConfig, { clock, userAgent, namespace, manager }: OpenClusterOptions): OpenedCluster {
  const settings = {
    ...{ clock, userAgent, namespace, logger: nullLogger, random: Math.random, fieldManager: manager, managedBy: manager },
    ...{ adoptedManagers: [], freezeCache: false, stripLastApplied: true },
  };
  const connection = new Connection({ cluster: LOCAL_CLUSTER, kubeConfig, settings });
  const client = new KubeClient({ cluster: LOCAL_CLUSTER, transport: connection.transport, clock, retry: false, fieldManager: manager });
  const health = { state: 'Ready', since: '', detail: '', problem: undefined } as const;
  const contact = { health, version: undefined, revision: undefined, lastSeen: undefined };
  const cluster = new Cluster(
    LOCAL_CLUSTER,
    client,
    (kind, select) => connection.createInformer(kind, select),
    connection.discovery,
    contact,
  );
  return { cluster, close: () => connection.close() };
}
