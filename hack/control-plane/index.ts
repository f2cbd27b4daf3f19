/**
 * Real Kubernetes control planes on this machine: etcd, kube-apiserver with RBAC, kube-controller-manager, kube-scheduler on request.
 *
 *     startControlPlane(options?: {
 *       controllerManager?: boolean;      // default: if the binaries have it, which ours do
 *       scheduler?: boolean;              // default: false
 *       address?: string;                 // where the API server listens, for nodes; default: 127.0.0.1
 *       extraArgs?: { 'kube-apiserver'?: string[]; ... };
 *       auditUsers?: string[];            // whose requests go to auditLog; default: nobody's
 *       readyTimeoutMs?: number;          // default: 120000
 *       signal?: AbortSignal;             // ends the start, a build of the binaries included; no effect afterwards
 *     }): Promise<ControlPlane>           // about 2 s; ready when it resolves. Call it n times for n independent ones.
 *
 *     ControlPlane:
 *       server: string                    // https://127.0.0.1:port, stays the same over outages
 *       ca, caData: string                // PEM, and base64 of it as in kubeconfigs
 *       adminToken, kubeconfig, kubeconfigPath: string
 *       hasControllerManager, hasScheduler: boolean
 *       kubeconfigFor(token, { user?, namespace? }?): string
 *       serviceAccountToken(namespace, name, expirationSeconds?): Promise<string>
 *       rotateAuthority(): void           // the API server shows a certificate of a new authority from its next start on
 *       serviceAccountKubeconfig(namespace, name): Promise<string>        // the account must exist
 *       writeFile(name, text): string     // a file in `directory`, returns its path
 *       request({ method?, path, body?, contentType?, timeoutMs? }, token?): Promise<{ status, body }>
 *       stopApiServer(signal?), startApiServer(), stopEtcd(signal?), startEtcd(): Promise<void>   // outages; data and port stay
 *       auditLog: string, apiServerStarts: number
 *       directory: string                 // logs, keys, data; logFile(component); pids
 *       stop(): Promise<void>             // also `await using`; happens by itself when this process ends, however it ends
 *
 *     CertificateAuthority.create(name).issue({ commonName, dnsNames?, ipAddresses?, organizations?, usage: 'server' | 'client' })
 *
 * The garbage collector learns of new kinds (CustomResourceDefinitions) every 30 s; built-in kinds cascade at once.
 *
 * Outside this folder import from here only.
 */
export { type ControlPlaneBinaries, cachedBinary, type ResolveOptions, resolveBinaries } from './binaries';
export { withLock } from './build-lock';
export { CertificateAuthority, type CertificateRequest, type KeyPair } from './certificates';
export { type Component, FRONT_PROXY_CLIENT } from './components';
export { buildWithGo } from './go-build';
export { type GoSources, readGoSources } from './go-sources';
export { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './launcher';
export { tailOf } from './log-tail';
export { ProcessGroup, type SupervisedProcess } from './process-group';
export { type RestEndpoint, type RestRequest, type RestResponse, rest } from './rest';
