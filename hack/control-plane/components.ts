/**
 * The command lines of etcd and of the Kubernetes servers.
 *
 * Owns: every flag, and why it is there. Never: starts anything, reads or writes a file. Invariant: pure.
 *
 * All parts listen on the loopback address or on a socket in the control plane's own directory; only the API server needs a port, and
 * only it may have another address.
 */
import { join } from 'node:path';

export const COMPONENTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
export type Component = (typeof COMPONENTS)[number];

/** Common name of the certificate the API server shows to aggregated API servers; they trust headers from no other. */
export const FRONT_PROXY_CLIENT = 'front-proxy-client';
export const LOOPBACK = '127.0.0.1';
/** etcd insists on addresses of the form host:port to announce, even to nobody; nothing listens there. */
const ETCD_ADVERTISED = { client: 'http://127.0.0.1:2379', peer: 'http://127.0.0.1:2380' } as const;
/** Issuer and audience of the tokens of service accounts. */
const TOKEN_ISSUER = 'https://kubernetes.default.svc';
const SERVICE_CLUSTER_IP_RANGE = '10.96.0.0/16';
/** The `kubernetes` Service has the first address of the range; pods know the API server under it. */
export const KUBERNETES_SERVICE_IP = '10.96.0.1';

/** Where a control plane keeps what its servers read. All paths are absolute. */
export interface ControlPlaneFiles {
  readonly etcdData: string;
  readonly etcdSocket: string;
  readonly etcdPeerSocket: string;
  readonly ca: string;
  readonly servingCertificate: string;
  readonly servingKey: string;
  readonly frontProxyCa: string;
  readonly frontProxyCertificate: string;
  readonly frontProxyKey: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPublicKey: string;
  readonly tokens: string;
  readonly auditPolicy: string;
  readonly auditLog: string;
  readonly kubeconfig: string;
  readonly controllerManagerKubeconfig: string;
  readonly schedulerKubeconfig: string;
  readonly certificates: string;
}

export function filesIn(directory: string): ControlPlaneFiles {
  const pki = (name: string): string => join(directory, 'pki', name);
  return {
    etcdData: join(directory, 'etcd'),
    etcdSocket: join(directory, 'etcd.sock'),
    etcdPeerSocket: join(directory, 'etcd-peer.sock'),
    ca: pki('ca.crt'),
    servingCertificate: pki('kube-apiserver.crt'),
    servingKey: pki('kube-apiserver.key'),
    frontProxyCa: pki('front-proxy-ca.crt'),
    frontProxyCertificate: pki('front-proxy-client.crt'),
    frontProxyKey: pki('front-proxy-client.key'),
    serviceAccountKey: pki('service-account.key'),
    serviceAccountPublicKey: pki('service-account.pub'),
    tokens: pki('tokens.csv'),
    auditPolicy: join(directory, 'audit-policy.json'),
    auditLog: join(directory, 'audit.log'),
    kubeconfig: join(directory, 'kubeconfig'),
    controllerManagerKubeconfig: pki('kube-controller-manager.kubeconfig'),
    schedulerKubeconfig: pki('kube-scheduler.kubeconfig'),
    certificates: join(directory, 'pki'),
  };
}

export function logFileOf(component: string, directory: string): string {
  return join(directory, `${component}.log`);
}

/** Data lives as long as the directory, so it need not survive a power cut. */
export function etcdArgs(files: ControlPlaneFiles): string[] {
  return [
    '--name=default',
    `--data-dir=${files.etcdData}`,
    `--listen-client-urls=unix://${files.etcdSocket}`,
    `--advertise-client-urls=${ETCD_ADVERTISED.client}`,
    `--listen-peer-urls=unix://${files.etcdPeerSocket}`,
    `--initial-advertise-peer-urls=${ETCD_ADVERTISED.peer}`,
    `--initial-cluster=default=${ETCD_ADVERTISED.peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

/**
 * RBAC, service-account tokens, aggregation with a real front proxy; anonymous requests reach the health endpoints only.
 *
 * @param hasControllerManager without one no namespace gets its default service account, and pods would be refused for want of it.
 */
export function apiServerArgs(files: ControlPlaneFiles, address: string, port: number, hasControllerManager: boolean): string[] {
  return [
    `--etcd-servers=unix://${files.etcdSocket}`,
    `--bind-address=${address}`,
    `--advertise-address=${address}`,
    `--secure-port=${port}`,
    `--cert-dir=${files.certificates}`,
    `--tls-cert-file=${files.servingCertificate}`,
    `--tls-private-key-file=${files.servingKey}`,
    // Nodes come only where they can reach the API server.
    `--authorization-mode=${address === LOOPBACK ? 'RBAC' : 'Node,RBAC'}`,
    `--token-auth-file=${files.tokens}`,
    `--service-account-issuer=${TOKEN_ISSUER}`,
    `--service-account-key-file=${files.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    `--service-cluster-ip-range=${SERVICE_CLUSTER_IP_RANGE}`,
    // The `kubernetes` Service needs an address that is not loopback.
    ...(address === LOOPBACK ? ['--endpoint-reconciler-type=none'] : []),
    `--requestheader-client-ca-file=${files.frontProxyCa}`,
    `--requestheader-allowed-names=${FRONT_PROXY_CLIENT}`,
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${files.frontProxyCertificate}`,
    `--proxy-client-key-file=${files.frontProxyKey}`,
    '--allow-privileged=true',
    ...(hasControllerManager ? [] : ['--disable-admission-plugins=ServiceAccount']),
  ];
}

/** Records requests before they are answered, so that no answered request is missing from the log. */
export function auditArgs(files: ControlPlaneFiles): string[] {
  return [
    `--audit-policy-file=${files.auditPolicy}`,
    `--audit-log-path=${files.auditLog}`,
    '--audit-log-format=json',
    '--audit-log-mode=blocking',
    // Megabytes before the log is cut and begun anew; no test comes near.
    '--audit-log-maxsize=1000',
  ];
}

/** What these users ask for and how it was decided; no bodies, nobody else. A watch is recorded when it begins. */
export function auditPolicy(users: readonly string[]): string {
  return JSON.stringify({
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [{ level: 'Metadata', users }, { level: 'None' }],
  });
}

/**
 * Every controller acts as its own service account, so that the API server's own RBAC bootstrap is in use as well.
 *
 * Asking for their tokens at the default 20 requests a second would delay the first controller by five seconds.
 */
export function controllerManagerArgs(files: ControlPlaneFiles): string[] {
  return [
    `--kubeconfig=${files.controllerManagerKubeconfig}`,
    `--service-account-private-key-file=${files.serviceAccountKey}`,
    `--root-ca-file=${files.ca}`,
    '--use-service-account-credentials=true',
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    '--leader-elect=false',
    '--secure-port=0',
  ];
}

export function schedulerArgs(files: ControlPlaneFiles): string[] {
  return [`--kubeconfig=${files.schedulerKubeconfig}`, '--leader-elect=false', '--secure-port=0'];
}
