/**
 * The configuration of a node's programs.
 *
 * Owns: every setting and why it is there. Never: writes a file. Invariant: pure.
 *
 * Several settings let a node run where a container engine has no more rights than this machine gives: cgroup v1, no CAP_SYS_RESOURCE.
 */
import { stringify } from 'yaml';

export interface NodeSettings {
  readonly name: string;
  /** IPv4 of the node on the cluster's network. */
  readonly address: string;
  /** Pods of this node get addresses of it. */
  readonly podCidr: string;
  /** Of all nodes. */
  readonly clusterCidr: string;
  /** Path of the cgroup below which the pods' are made. */
  readonly cgroupRoot: string;
  /** Reference of the image that holds a pod's namespaces. */
  readonly pauseImage: string;
}

/** Where node.sh puts the state folder. */
export const STATE = '/run/steward/state';

export function containerdConfig({ pauseImage }: NodeSettings): string {
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # lowering the score of a process needs CAP_SYS_RESOURCE
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/run/steward/debian/usr/lib/cni"
    conf_dir = "${STATE}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "/run/steward/bin/runc"
`;
}

export function cniConfig({ podCidr }: NodeSettings): string {
  return json({
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'pods',
        isDefaultGateway: true,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: [[{ subnet: podCidr }]], dataDir: '/run/cni' },
      },
    ],
  });
}

export function kubeletConfig({ address, cgroupRoot }: NodeSettings): string {
  return stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: `${STATE}/client-ca.crt` } },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    cgroupDriver: 'cgroupfs',
    cgroupRoot,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    oomScoreAdj: 0,
    clusterDomain: 'cluster.local',
    clusterDNS: [address],
    resolvConf: `${STATE}/resolv.conf`,
    // The disk is the machine's: how full it is says nothing about the cluster.
    evictionHard: { 'memory.available': '50Mi' },
    imageGCHighThresholdPercent: 100,
    nodeStatusUpdateFrequency: '2s',
  });
}

export function kubeProxyConfig({ clusterCidr, address }: NodeSettings): string {
  return stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clusterCIDR: clusterCidr,
    bindAddress: address,
    healthzBindAddress: '127.0.0.1:10256',
    clientConnection: { kubeconfig: `${STATE}/kube-proxy.kubeconfig` },
    // The limits of the machine stay as they are.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  });
}

export function corefile({ address }: NodeSettings): string {
  return `.:53 {
  bind ${address}
  errors
  cache 5
  kubernetes cluster.local {
    kubeconfig ${STATE}/coredns.kubeconfig
  }
}
`;
}

/** CoreDNS may read what it answers from; the other programs have roles that every cluster brings. */
export function clusterObjects() {
  const coreDns = 'system:coredns';
  return [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: coreDns },
      rules: [
        { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: coreDns },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: coreDns },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: coreDns }],
    },
  ];
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
