/**
 * Placed Machines as wake targets: a magic packet starts their virtual machine, on whichever cluster it is.
 *
 * Owns: which Machine can be woken, by which addresses, and the calls. Never: decides whether a packet may wake it; starts what is not ours.
 * Invariant: built from objects of the supervisor, and so the same on every replica; only the leader knows states from the remote itself.
 */
import { Cluster, ClusterRegistry, inject, type Kind, type ObjectKey, objectKey, singleton } from '../../framework';
import { type CallOutcome, classifyFailure } from '../../kubevirt/call-outcome';
import { usableMacs } from '../../kubevirt/mac-address';
import { SubresourceCalls } from '../../kubevirt/subresource-calls';
import { type WakeState, wakeStateOf } from '../../kubevirt/wake-state';
import { isIgnored, type WakeTarget, type WakeTargetListener, type WakeTargetSource, wakeTargetKey } from '../../kubevirt/wake-target';
import { ClusterClients } from '../clusters/cluster-clients';
import { clusterNameOf } from '../clusters/cluster-key';
import { SupervisorIdentity } from '../clusters/supervisor-identity';
import { Machine, NetworkConfiguration } from '../kinds';
import { storeOf } from '../network/mac-reservations';
import { recordedKey } from '../placement/recorded-placement';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { SupervisorApi } from '../supervisor-api';
import { ownershipOf } from '../virtual-machine/ownership';
import { RemoteInstance, RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import { shownWakeState } from './shown-state';

type Action = 'start' | 'unpause';

@singleton()
export class MachineWakeTargets implements WakeTargetSource {
  readonly name = 'machines';
  /** By key of the Machine. */
  private readonly known = new Map<ObjectKey, MachineWakeTarget>();
  private readonly listeners = new Set<WakeTargetListener>();

  constructor(
    private readonly supervisor: Cluster,
    private readonly clusters: ClusterRegistry,
    private readonly clients: ClusterClients,
    private readonly identity: SupervisorIdentity,
    private readonly api: SupervisorApi,
    @inject(MACHINES_SETTINGS) private readonly settings: MachinesSettings,
  ) {}

  /** Where the module does not run, or our CRDs are not served, there is nothing to wait for. */
  ready(): boolean {
    const isListed = (kind: Kind): boolean =>
      storeOf(this.supervisor, kind)?.synced !== false || this.supervisor.availability(kind) === 'absent';
    return isListed(Machine as Kind) && isListed(NetworkConfiguration as Kind);
  }

  targets(): Iterable<WakeTarget> {
    return this.known.values();
  }

  subscribe(listener: WakeTargetListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Looks at a Machine again: it, its addresses or its virtual machine have changed. */
  look(key: ObjectKey): void {
    const target = this.targetOf(key);
    const before = this.known.get(key);
    if (before === undefined && target === undefined) return;
    // Another virtual machine is another target.
    if (before !== undefined && before.key !== target?.key) this.announce(before.key, undefined);
    if (target === undefined) {
      this.known.delete(key);
      return;
    }
    this.known.set(key, target);
    this.announce(target.key, target);
  }

  private targetOf(key: ObjectKey): MachineWakeTarget | undefined {
    const machine = storeOf(this.supervisor, Machine)?.get(key);
    if (machine === undefined || machine.metadata?.deletionTimestamp !== undefined) return undefined;
    const cluster = recordedKey(machine, this.api.home, this.api.keeps('machines', 'status.kubevirtConfigRef'));
    if (cluster === undefined || machine.status?.virtualMachineRef?.uid === undefined) return undefined;
    const configuration = storeOf(this.supervisor, NetworkConfiguration)?.get(key);
    const interfaces = [...(configuration?.spec.networkInterfaces ?? []), ...(configuration?.status?.networkInterfaces ?? [])];
    const macs = usableMacs(interfaces.map(({ macAddress }) => macAddress));
    return new MachineWakeTarget(machine, cluster, macs, {
      state: (target) => this.stateOf(target),
      call: (target, action, signal) => this.call(target, action, signal),
    });
  }

  private announce(key: string, target: WakeTarget | undefined): void {
    for (const listener of [...this.listeners]) listener(key, target);
  }

  private stateOf({ machine, cluster, namespace, name, uid }: MachineWakeTarget): WakeState {
    const remote = this.clusters.get(clusterNameOf(cluster, this.api.home));
    const vms = remote && storeOf(remote, RemoteVirtualMachine);
    if (remote === undefined || vms?.synced !== true) return shownWakeState(machine);
    const key = objectKey(namespace, name);
    const vm = vms.get(key);
    return wakeStateOf(vm?.metadata?.uid === uid ? vm : undefined, storeOf(remote, RemoteInstance)?.get(key));
  }

  /** Neither of the two is asked for before the virtual machine was seen to be the Machine's. */
  private async call(target: MachineWakeTarget, action: Action, signal: AbortSignal): Promise<CallOutcome> {
    const { cluster, namespace, name } = target;
    try {
      const client = await this.clients.getClientForConfig(cluster, { signal });
      const remote = this.clusters.get(clusterNameOf(cluster, this.api.home));
      const key = objectKey(namespace, name);
      const cached = remote && storeOf(remote, RemoteVirtualMachine)?.get(key);
      const vm = cached ?? (await client.get(RemoteVirtualMachine, key, { signal }));
      if (!(await this.isOwn(vm, target, signal))) return { kind: 'missing', message: 'the virtual machine is not that of the Machine' };
      const calls = new SubresourceCalls({ request: (request) => client.raw(request) });
      return await calls[action](namespace, name, signal);
    } catch (error) {
      return classifyFailure(error);
    }
  }

  private async isOwn(vm: RemoteVirtualMachine, { machine, uid }: MachineWakeTarget, signal: AbortSignal): Promise<boolean> {
    const { namespace = '', name = '', uid: machineUid = '' } = machine.metadata ?? {};
    const supervisorId = await this.identity.id(signal);
    const owner = { supervisorId, managedBy: this.settings.managedBy, namespace, name, uid: machineUid };
    return vm.metadata?.uid === uid && ownershipOf(vm, owner) === 'Own';
  }
}

interface TargetPorts {
  state(target: MachineWakeTarget): WakeState;
  call(target: MachineWakeTarget, action: Action, signal: AbortSignal): Promise<CallOutcome>;
}

/** One Machine as it was announced. */
class MachineWakeTarget implements WakeTarget {
  constructor(
    readonly machine: Machine,
    readonly cluster: string,
    readonly macs: readonly string[],
    private readonly ports: TargetPorts,
  ) {}

  get key(): string {
    return wakeTargetKey(this);
  }

  get namespace(): string {
    return this.machine.status?.virtualMachineRef?.namespace ?? '';
  }

  get name(): string {
    return this.machine.status?.virtualMachineRef?.name ?? '';
  }

  get uid(): string {
    return this.machine.status?.virtualMachineRef?.uid ?? '';
  }

  get createdAt(): number {
    return Date.parse(this.machine.status?.creationTime ?? '') || 0;
  }

  get scope(): WakeTarget['scope'] {
    const { namespace = '', name = '', labels = {}, annotations } = this.machine.metadata ?? {};
    return { namespace, name, labels, ignored: isIgnored(annotations) };
  }

  get subject(): WakeTarget['subject'] {
    const { namespace = '', name = '', uid } = this.machine.metadata ?? {};
    return { apiVersion: Machine.apiVersion, kind: Machine.kind, namespace, name, ...(uid === undefined ? {} : { uid }) };
  }

  state(): WakeState {
    return this.ports.state(this);
  }

  start(signal: AbortSignal): Promise<CallOutcome> {
    return this.ports.call(this, 'start', signal);
  }

  unpause(signal: AbortSignal): Promise<CallOutcome> {
    return this.ports.call(this, 'unpause', signal);
  }
}
