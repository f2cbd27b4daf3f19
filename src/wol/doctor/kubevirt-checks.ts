/** Whether KubeVirt is there and can be asked to start machines. */
import type { ApiResource } from '../../framework';
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import { type Finding, fail, ok, unchecked } from '../../kubevirt/diagnosis/finding';
import type { Reading } from '../../kubevirt/diagnosis/reading';
import type { Check } from './context';

const CHECK = 'kubevirt';
const OBJECTS = ['virtualmachines', 'virtualmachineinstances'];
const CALLS = ['virtualmachines/start', 'virtualmachineinstances/unpause'];
const INSTALL = 'install KubeVirt; the manager notices by itself';
const REPAIR = 'kubectl get apiservice v1.subresources.kubevirt.io -o yaml; then look at the virt-api pods';

export const kubevirtChecks: Check = async ({ view }) => [await objectsServed(view), await callsServed(view)];

async function objectsServed(view: ClusterView): Promise<Finding> {
  const apiVersion = 'kubevirt.io/v1';
  const result = await view.resources(apiVersion);
  return servedFinding(result, apiVersion, OBJECTS, INSTALL);
}

/** The last step of every wake. */
export async function callsServed(view: ClusterView): Promise<Finding> {
  const apiVersion = 'subresources.kubevirt.io/v1';
  const result = await view.resources(apiVersion);
  if (result.kind === 'failed') return fail(CHECK, `${apiVersion} does not answer: ${result.text}`, REPAIR);
  return servedFinding(result, apiVersion, CALLS, REPAIR);
}

function servedFinding(result: Reading<readonly ApiResource[]>, apiVersion: string, wanted: readonly string[], remedy: string): Finding {
  if (result.kind === 'absent') return fail(CHECK, `${apiVersion} is not served`, remedy);
  if (result.kind !== 'read') return unchecked(CHECK, apiVersion, result);
  const names = new Set(result.value.map(({ name }) => name));
  const missing = wanted.filter((name) => !names.has(name));
  return missing.length > 0
    ? fail(CHECK, `${apiVersion} lacks ${missing.join(' and ')}`, remedy)
    : ok(CHECK, `${apiVersion} serves ${wanted.join(' and ')}`);
}
