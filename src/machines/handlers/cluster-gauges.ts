/**
 * Metrics of clusters that are read at the time of the scrape.
 *
 * Owns: names and labels. Never: a label that names a Machine; counts anything itself.
 */
import { Gauge } from 'prom-client';
import type { ClusterState, MetricsRegistry } from '../../framework';
import { OUR_CRDS, type SupervisorApi } from '../supervisor-api';

/** More clusters than this share one series. */
const MAX_CLUSTERS = 200;
const OTHER = 'other';
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

export function exposeClusterFigures(registry: MetricsRegistry, read: () => readonly ClusterFigures[]): void {
  const each = (record: (figures: ClusterFigures, cluster: string) => void): void => {
    for (const [index, figures] of read().entries()) record(figures, index < MAX_CLUSTERS ? figures.key : OTHER);
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
  gauge(registry, 'steward_machines_credential_expiry_timestamp_seconds', expiry, ['cluster'], (set) => {
    each(({ expiresAtMs }, cluster) => {
      if (expiresAtMs !== undefined) set({ cluster }, expiresAtMs / 1_000);
    });
  });
}

type Set = (labels: Record<string, string>, value: number) => void;

function gauge(registry: MetricsRegistry, name: string, help: string, labelNames: string[], read: (set: Set) => void): void {
  new Gauge({
    ...{ name, help, labelNames, registers: [registry] },
    collect() {
      this.reset();
      read((labels, value) => this.set(labels, value));
    },
  });
}
