/** One kubeconfig of several clusters, as people have it: pure. */
import { parse, stringify } from 'yaml';

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: object }[];
  readonly users: readonly { readonly user: object }[];
}

/** @param kubeconfigs texts of kubeconfigs with one cluster each, by the name of the context they become; the first one is the current one. */
export function joinedKubeconfig(kubeconfigs: Readonly<Record<string, string>>): string {
  const parts = Object.entries(kubeconfigs).map(([name, text]) => {
    const { clusters, users } = parse(text) as Kubeconfig;
    return { name, cluster: clusters[0]!.cluster, user: users[0]!.user };
  });
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: parts.map(({ name, cluster }) => ({ name, cluster })),
    users: parts.map(({ name, user }) => ({ name, user })),
    contexts: parts.map(({ name }) => ({ name, context: { cluster: name, user: name } })),
    'current-context': parts[0]!.name,
  });
}
