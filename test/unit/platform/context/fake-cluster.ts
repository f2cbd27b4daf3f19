/** A cluster as handlers get it, on an API server in the test's own process. */
import { KubeConfig } from '@kubernetes/client-node';
import { type Cluster, createOperator, nullLogger } from '../../../../src/framework';
import { FakeApiServer, type FakeApiServerOptions } from '../../../../src/framework/testing';

export interface FakeCluster extends AsyncDisposable {
  readonly server: FakeApiServer;
  readonly cluster: Cluster;
}

export async function startFakeCluster(options: FakeApiServerOptions = {}): Promise<FakeCluster> {
  const server = await FakeApiServer.start(options);
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(server.kubeconfig());
  const operator = await createOperator({ name: 'test', handlers: [], kubeConfig, logger: nullLogger, handleProcessErrors: false });
  await operator.start();
  const dispose = async (): Promise<void> => {
    await operator.stop();
    await server.stop();
  };
  return { server, cluster: operator.cluster, [Symbol.asyncDispose]: dispose };
}
