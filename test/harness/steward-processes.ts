/** Manager and agent as processes, with the flags a test needs and no more. */
import { join } from 'node:path';
import type { CertificateLifetimes } from '../../src/wol';
import { TestProcess } from './child-process';
import { freeTcpPort, freeUdpPort } from './free-port';
import { PATIENCE_MS } from './poll';
import { MAIN, NAMESPACE, ROOT, type StewardCluster } from './steward-cluster';

const SHORT_LIVED = join(ROOT, 'build', 'test', 'harness', 'short-lived-manager.js');

export interface ManagerProcess {
  readonly process: TestProcess;
  readonly grpcPort: number;
  readonly metricsPort: number;
  /** GET on the health server. */
  health(path: string): Promise<{ status: number; text: string }>;
  metrics(): Promise<string>;
}

export interface ManagerOptions {
  kubeconfig?: string;
  /** @default a free one; give it to restart a manager under the same address */
  grpcPort?: number;
  /** @default 127.0.0.1 */
  grpcHost?: string;
  flags?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** `false` = the flag is left out. @default those whose rights the cluster has been given */
  modules?: string | false;
  /** TLS and identity instead of plaintext for everybody. @default false */
  secure?: boolean;
  /** Of its certificates: then it runs from the compiled sources. @default those of users */
  lifetimes?: CertificateLifetimes;
}

/** Resolves when `/readyz` says ok. @throws {Error} when it does not become ready; then it does not run either. */
export async function startManager(cluster: StewardCluster, options: ManagerOptions = {}): Promise<ManagerProcess> {
  const manager = await launchManager(cluster, options);
  await untilReady(manager);
  return manager;
}

/** Starts it and does not wait. */
export async function launchManager(
  cluster: StewardCluster,
  {
    kubeconfig,
    grpcPort,
    grpcHost = '127.0.0.1',
    flags = [],
    env = {},
    secure = false,
    modules = cluster.modules,
    lifetimes,
  }: ManagerOptions = {},
): Promise<ManagerProcess> {
  const [grpc, healthPort, metricsPort] = [grpcPort ?? (await freeTcpPort()), await freeTcpPort(), await freeTcpPort()];
  const args = [
    ...(lifetimes === undefined ? [MAIN, 'manager'] : [SHORT_LIVED, JSON.stringify(lifetimes)]),
    `--kubeconfig=${kubeconfig ?? cluster.managerKubeconfig}`,
    `--namespace=${NAMESPACE}`,
    ...(modules === false ? [] : [`--modules=${modules}`]),
    ...(secure ? [] : ['--grpc-insecure']),
    `--grpc-bind-address=${grpcHost}:${grpc}`,
    `--health-probe-bind-address=127.0.0.1:${healthPort}`,
    `--metrics-bind-address=127.0.0.1:${metricsPort}`,
    '--metrics-secure=false',
    ...flags,
  ];
  const process = new TestProcess('manager', args, env);
  return {
    process,
    grpcPort: grpc,
    metricsPort,
    health: (path) => fetchText(`http://127.0.0.1:${healthPort}${path}`),
    metrics: async () => (await fetchText(`http://127.0.0.1:${metricsPort}/metrics`)).text,
  };
}

export interface AgentProcess {
  readonly process: TestProcess;
  readonly udpPorts: readonly number[];
  health(path: string): Promise<{ status: number; text: string }>;
}

export interface AgentOptions {
  /** @default a free one */
  udpPorts?: readonly number[];
  /** @default test-node */
  nodeName?: string;
  /** Folder with `ca.crt` and `token`, see AgentIdentities. @default plaintext without identity */
  identity?: string;
  /** @default on this machine itself, with the manager on 127.0.0.1 */
  on?: AgentPlace;
  flags?: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** A node of a lab. */
export interface AgentPlace {
  /** What the command line begins with. */
  readonly via: readonly string[];
  /** Of the node, for its health server. */
  readonly address: string;
  readonly managerAddress: string;
}

/** Resolves when its ports are bound and it is connected. @throws {Error} when it is not in time; then it does not run either. */
export async function startAgent(grpcPort: number, options: AgentOptions = {}): Promise<AgentProcess> {
  const agent = await launchAgent(grpcPort, options);
  await untilConnected(agent);
  return agent;
}

/** Resolves when its ports are bound and a manager answers it. @throws {Error} when it is not in time; then it does not run either. */
export async function untilConnected(agent: AgentProcess): Promise<void> {
  await untilReady(agent);
  try {
    // For a while it is ready without a manager.
    await agent.process.until('connected', async () => /^wol_agent_connected[^ ]* 1$/m.test((await agent.health('/metrics')).text));
  } catch (error) {
    await agent.process.kill();
    throw error;
  }
}

/** Starts it and does not wait. */
export async function launchAgent(grpcPort: number, options: AgentOptions = {}): Promise<AgentProcess> {
  const { udpPorts, nodeName = 'test-node', identity, on = HERE, flags = [], env } = options;
  const ports = udpPorts ?? [await freeUdpPort()];
  const health = `${on.address}:${await freeTcpPort()}`;
  const args = [
    MAIN,
    'agent',
    `--node-name=${nodeName}`,
    // The certificate is for a name.
    `--operator-address=${identity === undefined ? on.managerAddress : 'localhost'}:${grpcPort}`,
    `--ports=${ports.join(',')}`,
    `--health-probe-bind-address=${health}`,
    ...(identity === undefined
      ? ['--grpc-insecure']
      : [`--grpc-ca-file=${join(identity, 'ca.crt')}`, `--grpc-token-file=${join(identity, 'token')}`]),
    ...flags,
  ];
  const process = new TestProcess('agent', args, env, on.via);
  return { process, udpPorts: ports, health: (path) => fetchText(`http://${health}${path}`) };
}

const HERE: AgentPlace = { via: [], address: '127.0.0.1', managerAddress: '127.0.0.1' };

async function untilReady({ process, health }: Pick<AgentProcess, 'process' | 'health'>): Promise<void> {
  try {
    await process.until('ready', async () => (await health('/readyz').catch(() => undefined))?.status === 200);
  } catch (error) {
    await process.kill();
    throw error;
  }
}

async function fetchText(url: string): Promise<{ status: number; text: string }> {
  // A connection of its own: one that is kept may be closed by the server while this process is held up, just before it is used again.
  const response = await fetch(url, { headers: { connection: 'close' }, signal: AbortSignal.timeout(PATIENCE_MS) });
  return { status: response.status, text: await response.text() };
}
