/** What `/readyz?verbose` says of remote clusters. They never make the process unready: that would take the healthy ones away as well. */
import type { CheckResult, HealthCheck } from '../serving/checks';
import type { ClusterRegistry } from './cluster-registry';

export function clustersCheck(clusters: Pick<ClusterRegistry, 'remotes'>): HealthCheck {
  return { name: 'clusters', run: () => describe(clusters) };
}

function describe(clusters: Pick<ClusterRegistry, 'remotes'>): CheckResult {
  const remotes = clusters.remotes();
  const lines = remotes.flatMap(({ name, health: { state, detail, problem } }) => {
    if (state === 'Ready' && problem === undefined) return [];
    const why = problem ?? detail;
    return [`${name} is ${state}${why === '' ? '' : ` (${why})`}`];
  });
  return lines.length === 0 ? { state: 'ok', detail: `${remotes.length} remote` } : { state: 'waiting', detail: lines.join('; ') };
}
