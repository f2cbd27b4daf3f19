/**
 * Writes kubeconfigs with one cluster, one user and one context.
 *
 * Owns: the format. Never: writes a file. Invariant: pure; the text holds all it needs (no paths).
 */
import { stringify } from 'yaml';

export interface KubeconfigFields {
  /** For example `https://127.0.0.1:6443`. */
  readonly server: string;
  /** Base64 of the PEM certificates that sign the server's, as kubeconfigs carry it. */
  readonly caData: string;
  readonly token: string;
  /** Names the context and the user. */
  readonly user: string;
  /** Namespace of the context. @default `default`, as kubectl does it */
  readonly namespace?: string;
}

export function kubeconfigText({ server, caData, token, user, namespace }: KubeconfigFields): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'control-plane', cluster: { server, 'certificate-authority-data': caData } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: user, context: { cluster: 'control-plane', user, ...(namespace === undefined ? {} : { namespace }) } }],
    'current-context': user,
  });
}
