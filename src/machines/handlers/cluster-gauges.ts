/**
 * Metrics of clusters that are read at the time of the scrape.
 *
 * Owns: names and labels. Never: a label that names a Machine; counts anything itself.
 */
import type { ClusterState, MetricsRegistry } from '../../framework';
import type { ClusterLabels } from '../observability/cluster-labels';
import { gauge } from '../observability/read-metrics';
import { OUR_CRDS, type SupervisorApi } from '../supervisor-api';

/** Open while calls are refused, probing until it has answered. */
const CIRCUIT: Readonly<Record<ClusterState, number>> = { Ready: 0, Degraded: 0, AuthFailed: 0, Connecting: 1, Unreachable: 2, Refused: 2 };

export interface ClusterFigures {
  readonly key: string;
  readonly state: ClusterState | undefined;
  readonly expiresAtMs: number | undefined;
  /** Number of findings by check. */
  readonly findings: Readonly<Record<string, number>>;
}

export function exposeApiFigures(registry: MetricsRegistry, api: SupervisorApi): void {
  gauge(registry, 'steward_machines_crd_compatible', 'Whether a CRD of the module can be worked with.', ['crd'], (set) => {
    for (const crd of OUR_CRDS) set({ crd }, api.isCompatible(crd) ? 1 : 0);
  });
  gauge(registry, 'steward_machines_api_profile_info', 'Which generation of the API is installed.', ['profile'], (set) => {
    set({ profile: api.profile }, 1);
  });
}

export function exposeClusterFigures(registry: MetricsRegistry, labels: ClusterLabels, read: () => readonly ClusterFigures[]): void {
  const each = (record: (figures: ClusterFigures, cluster: string) => void): void => {
    for (const figures of read()) record(figures, labels.of(figures.key));
  };
  const state = 'Whether calls to a cluster are made: 0 they are, 1 it is being probed, 2 they are refused.';
  gauge(registry, 'steward_machines_cluster_circuit_state', state, ['cluster'], (set) => {
    each((figures, cluster) => {
      if (figures.state !== undefined) set({ cluster }, CIRCUIT[figures.state]);
    });
  });
  gauge(registry, 'steward_machines_check_failed', 'Findings of the last check of a cluster.', ['cluster', 'check'], (set) => {
    each(({ findings }, cluster) => {
      for (const [check, count] of Object.entries(findings)) set({ cluster, check }, count);
    });
  });
  const expiry = 'When the credential of a cluster expires, seconds since 1970.';
  const name = 'steward_machines_credential_expiry_timestamp_seconds';
  gauge(
    registry,
    name,
    expiry,
    ['cluster'],
    (set) => {
      each(({ expiresAtMs }, cluster) => {
        if (expiresAtMs !== undefined) set({ cluster }, expiresAtMs / 1_000);
      });
    },
    Math.min,
  );
}
