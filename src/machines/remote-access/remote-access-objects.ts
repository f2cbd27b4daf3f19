/**
 * The objects that give a supervisor access to a remote cluster, pure.
 *
 * Owns: their names and content. Invariant: the account may do what the handlers declare and nothing else.
 */
import { defineKind, type KubernetesObject, type RbacRule, rbacObjects, type Secret } from '../../framework';
import type { KubevirtConfig } from '../kinds';
import type { RemoteAccessOptions } from './remote-access-options';

export const REMOTE_ROLE = 'virt-steward-remote';
/** On credentials, so that older ones are found. */
export const CREDENTIAL_LABEL = 'vitistack.io/credential-of';
/** UID of the KubevirtConfig that a credential was made for, where there was one before. */
export const CONFIG_LABEL = 'vitistack.io/credential-for';
const MANAGED_BY = { 'vitistack.io/managed-by': 'virt-steward' };

const RBAC = 'rbac.authorization.k8s.io/v1';
export const ClusterRole = defineKind<KubernetesObject>(RBAC, 'ClusterRole', 'clusterroles', { scope: 'Cluster', status: false });

export interface Subject {
  readonly namespace?: string;
  readonly name?: string;
}

export interface Binding extends KubernetesObject {
  readonly subjects?: readonly Subject[];
}

export const ClusterRoleBinding = defineKind<Binding>(RBAC, 'ClusterRoleBinding', 'clusterrolebindings', {
  scope: 'Cluster',
  status: false,
});

type Place = Pick<RemoteAccessOptions, 'remoteNamespace' | 'serviceAccount'>;

export function accountObjects({ remoteNamespace: namespace, serviceAccount: name }: Place): [KubernetesObject, KubernetesObject] {
  return [{ metadata: { name: namespace } }, { metadata: { name, namespace, labels: MANAGED_BY } }];
}

/** ClusterRole and its binding. */
export function roleObjects(rules: readonly RbacRule[], { remoteNamespace, serviceAccount }: Place): readonly KubernetesObject[] {
  return rbacObjects(rules, { name: REMOTE_ROLE, namespace: remoteNamespace, serviceAccount });
}

/** The control plane puts a token into it, which is good until the Secret is deleted. */
export function credentialSecret(
  name: string,
  { remoteNamespace: namespace, serviceAccount }: Place,
  configUid: string | undefined,
): Secret {
  return {
    metadata: {
      name,
      namespace,
      labels: { ...MANAGED_BY, [CREDENTIAL_LABEL]: serviceAccount, ...(configUid === undefined ? {} : { [CONFIG_LABEL]: configUid }) },
      annotations: { 'kubernetes.io/service-account.name': serviceAccount },
    },
    type: 'kubernetes.io/service-account-token',
  };
}

export interface RemoteEndpoint {
  readonly server: string;
  /** Base64 of PEM; `undefined` = one that everybody trusts. */
  readonly caData: string | undefined;
  readonly tlsServerName: string | undefined;
}

export function kubeconfigOf(cluster: string, { server, caData, tlsServerName }: RemoteEndpoint, token: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: cluster,
        cluster: {
          server,
          ...(caData === undefined ? {} : { 'certificate-authority-data': caData }),
          ...(tlsServerName === undefined ? {} : { 'tls-server-name': tlsServerName }),
        },
      },
    ],
    users: [{ name: 'virt-steward', user: { token } }],
    contexts: [{ name: cluster, context: { cluster, user: 'virt-steward' } }],
    'current-context': cluster,
  };
}

/** What the supervisor gets. */
export function supervisorObjects(
  { name, configNamespace: namespace }: Pick<RemoteAccessOptions, 'name' | 'configNamespace'>,
  kubeconfig: string,
): { secret: Secret; config: KubevirtConfig } {
  const secretName = `${name}-kubeconfig`;
  return {
    secret: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: secretName, namespace, labels: MANAGED_BY },
      type: 'Opaque',
      data: { kubeconfig: Buffer.from(kubeconfig).toString('base64') },
    },
    config: {
      apiVersion: 'vitistack.io/v1alpha1',
      kind: 'KubevirtConfig',
      metadata: { name, namespace },
      spec: { name, kubeconfigSecretRef: secretName },
    },
  };
}
