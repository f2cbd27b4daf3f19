/**
 * The identity of a cluster that was accepted in place of another one.
 *
 * Owns: when it is, and the one write that says so. Never: accepts what nobody asked for while Machines are placed there.
 */
import { type KubeClient, keyOf } from '../../framework';
import { type ClusterFacts, hasChanged } from '../clusters/cluster-state';
import { ACCEPT_CLUSTER_ID_ANNOTATION, CLUSTER_ID_ANNOTATION } from '../keys';
import { KubevirtConfig } from '../kinds';

/** @returns the UID to be recorded from now on; `undefined` = nothing changes. */
export function acceptedIdentity({ metadata }: KubevirtConfig, facts: ClusterFacts): string | undefined {
  const found = facts.findings?.clusterId;
  if (found === undefined || facts.expectedId === undefined || facts.expectedId === found) return undefined;
  const isAccepted = metadata?.annotations?.[ACCEPT_CLUSTER_ID_ANNOTATION] === found;
  return isAccepted || !hasChanged(facts) ? found : undefined;
}

/** Guarded by what was read, so that a later word of the user's is not lost. */
export async function replaceIdentity(
  client: KubeClient,
  config: KubevirtConfig,
  clusterId: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const path = (annotation: string): string => `/metadata/annotations/${annotation.replaceAll('/', '~1')}`;
  const { annotations = {}, uid } = config.metadata ?? {};
  const accepted = annotations[ACCEPT_CLUSTER_ID_ANNOTATION];
  await client.patch(
    KubevirtConfig,
    keyOf(config),
    [
      { op: 'test', path: '/metadata/uid', value: uid },
      // A config that was made anew has none.
      { op: 'test', path: path(CLUSTER_ID_ANNOTATION), value: annotations[CLUSTER_ID_ANNOTATION] ?? null },
      { op: 'add', path: path(CLUSTER_ID_ANNOTATION), value: clusterId },
      ...(accepted === clusterId
        ? [
            { op: 'test' as const, path: path(ACCEPT_CLUSTER_ID_ANNOTATION), value: accepted },
            { op: 'remove' as const, path: path(ACCEPT_CLUSTER_ID_ANNOTATION) },
          ]
        : []),
    ],
    { signal },
  );
}
