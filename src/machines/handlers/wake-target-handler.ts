/**
 * Keeps the wake targets of Machines, in memory and on every replica; states of remote clusters reach the leader only.
 *
 * Owns: which change concerns which Machine. Never: writes anything.
 */
import { ClusterRegistry, Handler, type KubernetesObject, keyOf, OnEvent, type ResourceEvent } from '../../framework';
import { PausedInstance, StartableVirtualMachine } from '../../kubevirt/subresource-calls';
import { MACHINE_NAME_ANNOTATION, MACHINE_NAMESPACE_ANNOTATION } from '../keys';
import { Machine, NetworkConfiguration } from '../kinds';
import { storeOf } from '../network/mac-reservations';
import { RemoteInstance, RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import { MachineWakeTargets } from '../waking/machine-wake-targets';

const REMOTE = { clusters: 'remotes' } as const;

@Handler({
  rbac: [
    { ...REMOTE, kind: StartableVirtualMachine, subresource: 'start', verbs: ['update'], why: 'waking a Machine' },
    { ...REMOTE, kind: PausedInstance, subresource: 'unpause', verbs: ['update'], why: 'waking a Machine that is paused' },
  ],
})
export class MachineWakeHandler {
  constructor(
    private readonly targets: MachineWakeTargets,
    private readonly clusters: ClusterRegistry,
  ) {}

  @OnEvent(Machine)
  ofMachine({ object }: ResourceEvent<Machine>): void {
    this.targets.look(keyOf(object));
  }

  @OnEvent(NetworkConfiguration)
  ofConfiguration({ object }: ResourceEvent<NetworkConfiguration>): void {
    this.targets.look(keyOf(object));
  }

  @OnEvent(RemoteVirtualMachine, REMOTE)
  ofVirtualMachine({ object }: ResourceEvent<RemoteVirtualMachine>): void {
    this.lookAt(object);
  }

  @OnEvent(RemoteInstance, REMOTE)
  ofInstance({ object, cluster }: ResourceEvent<RemoteInstance>): void {
    const remote = this.clusters.get(cluster);
    this.lookAt((remote && storeOf(remote, RemoteVirtualMachine)?.get(keyOf(object))) ?? object);
  }

  private lookAt({ metadata }: KubernetesObject): void {
    const { [MACHINE_NAMESPACE_ANNOTATION]: namespace, [MACHINE_NAME_ANNOTATION]: name } = metadata?.annotations ?? {};
    if (namespace !== undefined && name !== undefined) this.targets.look(`${namespace}/${name}`);
  }
}
