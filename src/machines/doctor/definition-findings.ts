/** Whether the supervisor serves the API of Machines, as the manager judges it. */
import { CustomResourceDefinition } from '../../framework';
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import { type Finding, fail, ok, unchecked } from '../../kubevirt/diagnosis/finding';
import type { MachinesSettings } from '../settings';
import { type Definition, OUR_API, OUR_CRDS, OUR_GROUP, SupervisorApi } from '../supervisor-api';

const CHECK = 'definition';
const APPLY = 'kubectl apply --server-side -f crds/ of this version, or crds.install=true in the chart';

export interface KnownApi {
  readonly api: SupervisorApi;
  readonly finding: Finding;
}

export async function knownApi(view: ClusterView, settings: MachinesSettings): Promise<KnownApi> {
  const api = new SupervisorApi(settings);
  for (const crd of OUR_CRDS) {
    const found = await view.get(CustomResourceDefinition, `${crd}.${OUR_GROUP}`);
    if (found.kind === 'read') api.see(crd, found.value as Definition);
    else if (found.kind !== 'absent') return { api, finding: unchecked(CHECK, `${crd}.${OUR_GROUP}`, found) };
  }
  const { problem, profile } = api;
  return {
    api,
    finding: problem === undefined ? ok(CHECK, `${OUR_API} is served, in profile ${profile}`) : fail(CHECK, problem, APPLY),
  };
}
