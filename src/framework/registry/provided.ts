/**
 * The classes that every operator registers in its container, so that handlers can inject them.
 *
 * Owns: the list, for checks that run before there is an operator: rights, tests of one handler. The engine registers the instances.
 */
import { Registry as MetricsRegistry } from 'prom-client';
import { EventRecorder, KubeClient } from '../client';
import { Cluster } from '../cluster/cluster';
import { ClusterRegistry } from '../cluster/cluster-registry';
import { Triggers } from '../runtime/triggers';
import { CertificateMetrics } from '../serving/metrics/certificate-metrics';

export const PROVIDED_CLASSES: ReadonlySet<unknown> = new Set([
  CertificateMetrics,
  Cluster,
  ClusterRegistry,
  EventRecorder,
  KubeClient,
  MetricsRegistry,
  Triggers,
]);
