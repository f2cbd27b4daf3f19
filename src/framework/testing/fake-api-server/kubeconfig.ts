/** Kubeconfig texts for the servers and proxies of the testing kit. */
import { stringify } from 'yaml';

export interface KubeconfigFields {
  /** Base URL. */
  server: string;
  /** PEM; left out for plain HTTP. */
  ca?: string | undefined;
  /** Bearer token; left out for none. */
  token?: string | undefined;
  /** @default default */
  namespace?: string;
}

/** A kubeconfig with one cluster, one user and one context, everything embedded. */
export function kubeconfigText({ server, ca, token, namespace = 'default' }: KubeconfigFields): string {
  const authority = ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'fake',
    clusters: [{ name: 'fake', cluster: { server, ...authority } }],
    users: [{ name: 'fake', user: token === undefined ? {} : { token } }],
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake', namespace } }],
  });
}
