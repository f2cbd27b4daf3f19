/** `virt-steward kubeconfig` from checked options to exit code. Loaded only then: it needs the Kubernetes client and the handlers. */
import { readFileSync } from 'node:fs';
import type { KubeConfig } from '@kubernetes/client-node';
import { SystemClock } from '../framework';
import { onTermination } from '../framework/basics';
import type { RemoteEndpoint } from '../machines/remote-access/remote-access-objects';
import type { RemoteAccessOptions } from '../machines/remote-access/remote-access-options';
import { runRemoteAccess } from '../machines/remote-access/run-remote-access';
import { callerKubeConfig, openWith } from './caller';
import { EXIT_DONE, EXIT_FAILURE } from './exit-code';
import { defaultSettings } from './modules';
import type { CommandIo } from './program';
import { remoteRightsParts } from './rights/manager-rights';

export async function runKubeconfigCommand(options: RemoteAccessOptions, file: string | undefined, io: CommandIo): Promise<number> {
  const clock = new SystemClock();
  const of = (context: string): KubeConfig => callerKubeConfig({ ...(file === undefined ? {} : { kubeconfig: file }), context }, io.env);
  const kubeConfig = of(options.context);
  const remote = openWith(kubeConfig, 'kubeconfig', clock);
  const supervisor = options.applyTo === undefined ? undefined : openWith(of(options.applyTo), 'kubeconfig', clock);
  const termination = onTermination();
  try {
    const running = runRemoteAccess(options, {
      ...{ remote: remote.client, supervisor: supervisor?.client, clock, signal: termination.signal },
      endpoint: endpointOf(kubeConfig, options.server),
      rules: remoteRightsParts(defaultSettings()).flatMap(({ rules }) => rules),
      print: io.print,
      warn: io.warn,
    });
    const outcome = await Promise.race([running, termination.forced]);
    return typeof outcome === 'number' ? outcome : outcome ? EXIT_DONE : EXIT_FAILURE;
  } finally {
    termination.release();
    remote.close();
    supervisor?.close();
  }
}

/** As the caller reaches the cluster; with its authority as data, since the supervisor has no file of the caller's. */
function endpointOf(kubeConfig: KubeConfig, server: string | undefined): RemoteEndpoint {
  const cluster = kubeConfig.getCurrentCluster()!;
  const { caData, caFile, tlsServerName } = cluster;
  return {
    server: (server ?? cluster.server).replace(/\/$/, ''),
    caData: caData ?? (caFile === undefined || caFile === '' ? undefined : readFileSync(caFile).toString('base64')),
    tlsServerName,
  };
}
