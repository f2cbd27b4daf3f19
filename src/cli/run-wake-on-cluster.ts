/** `virt-steward wake` with --vm, --wait or --list, from checked options to exit code. Loaded only then: it needs the Kubernetes client. */
import { SystemClock } from '../framework';
import { onTermination } from '../framework/basics';
import type { ListRequest, MachineRequest } from '../wol/sender/wake-request';
import { runClusterWake } from '../wol/view/run-cluster-wake';
import { openCaller } from './caller';
import type { CallerFlags } from './caller-flags';
import type { CommandIo } from './program';

export async function runWakeOnCluster(request: MachineRequest | ListRequest, flags: CallerFlags, io: CommandIo): Promise<number> {
  const clock = new SystemClock();
  const { client, close, operatorNamespace } = openCaller('wake', flags, io.env, clock);
  const termination = onTermination();
  try {
    const running = runClusterWake(request, { client, clock, operatorNamespace, ...io, signal: termination.signal });
    return await Promise.race([running, termination.forced]);
  } finally {
    termination.release();
    close();
  }
}
