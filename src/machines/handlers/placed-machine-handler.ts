/**
 * Keeps the virtual machine of each placed Machine, in the queue of its cluster.
 *
 * Owns: everything of a Machine on its remote cluster, and its status while that cluster can be used.
 * Never: places a Machine; touches an object that is not provably the Machine's.
 * Invariant: nothing is written to a cluster before the placement is recorded, nor to one whose identity is not the recorded one.
 */
import {
  Cluster,
  ClusterRegistry,
  clusterChanges,
  Handler,
  type HandlerClass,
  Index,
  inject,
  type KubernetesObject,
  keyOf,
  mapped,
  Namespace,
  type ObjectKey,
  objectKey,
  type RbacClaim,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
  Secret,
  type VirtualReconcileOptions,
} from '../../framework';
import { StartableVirtualMachine } from '../../kubevirt/subresource-calls';
import { BootImages } from '../boot-images/boot-images';
import { ClusterFindingsStore } from '../clusters/cluster-findings';
import { keyOfCluster, keyOfConfig } from '../clusters/cluster-key';
import { ClusterMetrics } from '../clusters/cluster-metrics';
import { concernsMachines } from '../clusters/config-directory';
import { type ClusterUse, MachineClusters } from '../clusters/machine-clusters';
import { PlacedMachines } from '../clusters/placed-machines';
import { SupervisorIdentity } from '../clusters/supervisor-identity';
import { MACHINE_FINALIZER, MACHINE_NAME_ANNOTATION, MACHINE_NAMESPACE_ANNOTATION, MACHINE_UID_ANNOTATION } from '../keys';
import { KubevirtConfig, Machine, MachineClass, NetworkConfiguration, NetworkNamespace } from '../kinds';
import { MacReservations, storeOf } from '../network/mac-reservations';
import { NetworkAttachments } from '../network/network-kinds';
import { BY_MAC, mayDecideOnAddress, reservedMacs, sharersOf, sharersOfMachine } from '../network/shared-addresses';
import { RemoteNews } from '../observability/remote-news';
import { CloudInitMemory } from '../passes/cloud-init-step';
import { deleteRemoteObjects, deletionPolicyOf, type RemoteDeletion } from '../passes/machine-deletion';
import { runMachinePass } from '../passes/machine-pass';
import { BY_MACHINE, EVENTS_OF_VM, EVENTS_OF_VMI, type MachinePass, type TellEvent } from '../passes/machine-pass-context';
import { reportPass } from '../passes/machine-report';
import { MachineTurns } from '../passes/machine-turns';
import { PassEnded, PassFindings } from '../passes/pass-findings';
import { StatusContests } from '../passes/status-contests';
import { deleteFromSupervisor } from '../passes/supervisor-deletion';
import { ToldOnce } from '../passes/told-once';
import { isLasting, stateObstacle } from '../passes/unexpected-answer';
import { MachinePlacement } from '../placement/machine-placement';
import { isOurs } from '../profile';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { isOver, isTrue } from '../status/conditions';
import { isProblem } from '../status/event-problems';
import { SupervisorApi } from '../supervisor-api';
import {
  RemoteClaimKind,
  RemoteDataVolume,
  type RemoteEvent,
  RemoteEventKind,
  RemoteInstance,
  RemoteStorageClassKind,
  RemoteStorageProfile,
  RemoteVirtualMachine,
} from '../virtual-machine/remote-objects';
import { PlacedMachine } from './placed-machine-source';

const REMOTE = { clusters: 'remotes' } as const;
/** Bursts of events of one virtual machine are one pass. */
const COALESCE_MS = 100;
/** Until a cluster that answers was checked. */
const UNCHECKED_RETRY_MS = 500;
/** What waits for the end of something that no watch tells is looked at again after this. */
const DELETION_LOOK_MS = 5_000;
/** Passes without a cause come at this rate, plus or minus a tenth. */
const RESYNC_SPREAD = 0.1;

const RIGHTS: readonly RbacClaim[] = [
  { ...REMOTE, kind: Namespace, verbs: ['get', 'create'], why: 'a namespace like that of the Machine, for its virtual machine' },
  { ...REMOTE, kind: RemoteVirtualMachine, verbs: ['get', 'create', 'patch', 'delete'], why: 'the virtual machines of Machines' },
  {
    ...REMOTE,
    kind: RemoteInstance,
    verbs: ['get', 'list', 'patch'],
    why: 'whether an instance is gone, and the mark of an adopted one',
  },
  { ...REMOTE, kind: StartableVirtualMachine, subresource: 'stop', verbs: ['update'], why: 'shutting a guest down before it is deleted' },
  { ...REMOTE, kind: RemoteClaimKind, verbs: ['get', 'create', 'patch', 'delete'], why: 'the disks of Machines' },
  { ...REMOTE, kind: Secret, verbs: ['create', 'delete'], why: 'cloud-init data' },
  { ...REMOTE, kind: RemoteDataVolume, verbs: ['get', 'create', 'delete'], why: 'disks that are imported from an image' },
  { ...REMOTE, kind: RemoteStorageProfile, verbs: ['get'], why: 'access modes of a storage class' },
  { ...REMOTE, kind: RemoteStorageClassKind, verbs: ['get', 'list'], why: 'the default storage class, and whether disks may grow' },
  { ...REMOTE, kind: NetworkAttachments, verbs: ['list', 'create', 'delete'], why: 'the networks of Machines' },
  { kind: Machine, verbs: ['patch'], why: 'finalizer and annotations of Machines' },
  { kind: Machine, subresource: 'finalizers', verbs: ['update'], why: 'a Machine holds the deletion of its NetworkConfiguration' },
  { kind: NetworkConfiguration, verbs: ['get', 'create', 'patch', 'delete'], why: 'the record of the addresses of a Machine' },
  { kind: NetworkNamespace, verbs: ['get'], why: 'the network that a Machine names' },
  { kind: MachineClass, verbs: ['get'], why: 'the size that a Machine names' },
];

/** Workers of each cluster where nobody says otherwise. */
const DEFAULT_CONCURRENCY = 4;

const passesOf = (concurrency: number): VirtualReconcileOptions<PlacedMachine> => ({
  clusters: 'remotes',
  concurrency,
  minIntervalMs: COALESCE_MS,
  resyncMs: 0,
  failure: { about: ({ machine }) => machine },
  watches: (get) => {
    const placedOn = (key: string): readonly ObjectKey[] => get(PlacedMachines).machinesOf(key);
    const local = { clusters: 'local' } as const;
    // Those on other clusters are dropped by the queue of this one.
    const those = (isMeant: (machine: Machine) => boolean): readonly ObjectKey[] =>
      [...get(Cluster).store(Machine).list()].filter(isMeant).map(keyOf);
    return [
      mapped(RemoteVirtualMachine, machineOf),
      mapped(RemoteInstance, (vmi, { cluster }) => machineOfInstance(vmi, get(ClusterRegistry).get(cluster))),
      ...[EVENTS_OF_VM, EVENTS_OF_VMI].map(({ select }) =>
        mapped(RemoteEventKind, (event, { cluster }) => machineOfEvent(event, get(ClusterRegistry).get(cluster)), {
          select,
          when: (event) => isProblem(event, select === EVENTS_OF_VMI.select),
        }),
      ),
      mapped(RemoteClaimKind, machineOf),
      mapped(RemoteDataVolume, machineOf),
      mapped(Machine, (machine) => [keyOf(machine)], local),
      mapped(Machine, (machine) => sharersOfMachine(get(Cluster), machine), { ...local, when: mayDecideOnAddress }),
      mapped(NetworkConfiguration, (record) => sharersOf(get(Cluster), record), local),
      mapped(MachineClass, ({ metadata }) => those(({ spec }) => spec?.machineClass === metadata?.name), local),
      mapped(NetworkNamespace, ({ metadata: given }) => those(({ metadata }) => metadata?.namespace === given?.namespace), local),
      mapped(KubevirtConfig, (config) => placedOn(keyOfConfig(config, get(SupervisorApi).home)), { ...local, when: concernsMachines }),
      clusterChanges(({ name }) => placedOn(keyOfCluster(name, get(SupervisorApi).home))),
    ];
  },
});

@Handler({ rbac: RIGHTS })
export class PlacedMachineHandler {
  constructor(
    private readonly supervisor: Cluster,
    private readonly clusters: MachineClusters,
    private readonly checked: ClusterFindingsStore,
    private readonly identity: SupervisorIdentity,
    private readonly placement: MachinePlacement,
    private readonly api: SupervisorApi,
    private readonly macs: MacReservations,
    private readonly cloudInit: CloudInitMemory,
    private readonly images: BootImages,
    private readonly turns: MachineTurns,
    private readonly told: ToldOnce,
    private readonly news: RemoteNews,
    private readonly metrics: ClusterMetrics,
    private readonly contests: StatusContests,
    @inject(MACHINES_SETTINGS) private readonly settings: MachinesSettings,
  ) {}

  @Index(RemoteVirtualMachine, BY_MACHINE, REMOTE)
  machineOfVm(vm: RemoteVirtualMachine): string | undefined {
    return machineUid(vm);
  }

  @Index(RemoteClaimKind, BY_MACHINE, REMOTE)
  machineOfClaim(claim: KubernetesObject): string | undefined {
    return machineUid(claim);
  }

  @Index(RemoteDataVolume, BY_MACHINE, REMOTE)
  machineOfVolume(volume: KubernetesObject): string | undefined {
    return machineUid(volume);
  }

  @Index(RemoteEventKind, EVENTS_OF_VM.index, { ...REMOTE, select: EVENTS_OF_VM.select })
  vmOfEvent({ involvedObject }: RemoteEvent): string | undefined {
    return involvedObject?.uid;
  }

  @Index(RemoteEventKind, EVENTS_OF_VMI.index, { ...REMOTE, select: EVENTS_OF_VMI.select })
  instanceOfEvent({ involvedObject }: RemoteEvent): string | undefined {
    return involvedObject?.uid;
  }

  @Index(NetworkConfiguration, BY_MAC)
  macsOfRecord(record: NetworkConfiguration): readonly string[] {
    return reservedMacs(record);
  }

  @Reconcile(PlacedMachine, passesOf(DEFAULT_CONCURRENCY))
  async reconcile({ machine }: PlacedMachine, ctx: ReconcileContext): Promise<ReconcileResult> {
    // Its cause for this pass is not told again.
    if (this.api.problem !== undefined) return { requeueAfterMs: DELETION_LOOK_MS };
    // What belongs to another Machine, and which addresses are taken, is known when all are.
    const { supervisor } = this;
    if (!supervisor.store(Machine).synced || !supervisor.store(NetworkConfiguration).synced) return { requeueAfterMs: UNCHECKED_RETRY_MS };
    return this.turns.run(ctx.key, () => this.work(machine, ctx));
  }

  private async work(seen: Machine, ctx: ReconcileContext): Promise<ReconcileResult> {
    // The pass before this one may have written it, or seen it go.
    const machine = this.supervisor.store(Machine).get(ctx.key);
    if (machine === undefined || machine.metadata?.uid !== seen.metadata?.uid) return;
    const key = keyOfCluster(ctx.cluster.name, this.api.home);
    const use = this.clusters.use(key);
    // The queue of the supervisor says so on the Machine.
    if (!use.usable) return this.clusters.isUndecided(key) ? { requeueAfterMs: UNCHECKED_RETRY_MS } : undefined;
    const newsMs = this.news.take(ctx.key);
    try {
      return await this.pass(await this.passFor(machine, key, use, newsMs, ctx), ctx);
    } catch (error) {
      if (newsMs !== undefined) this.news.putBack(ctx.key, newsMs);
      throw error;
    }
  }

  private async pass(pass: MachinePass, ctx: ReconcileContext): Promise<ReconcileResult> {
    const { machine } = pass;
    if (machine.metadata?.deletionTimestamp !== undefined) return this.delete(pass);
    if (!isOurs(machine, this.api.profile)) return;
    if (!(await this.ensureRecorded(pass, ctx))) return;
    const result = await runMachinePass(pass, this.api);
    return result ?? { requeueAfterMs: this.settings.resyncMs * (1 - RESYNC_SPREAD + 2 * RESYNC_SPREAD * Math.random()) };
  }

  /** @returns false when the Machine went away meanwhile. */
  private async ensureRecorded(pass: MachinePass, ctx: ReconcileContext): Promise<boolean> {
    const { machine, local: client, log } = pass;
    const events = { normal: about(ctx.events.normal, machine), warning: about(ctx.events.warning, machine) };
    const outcome = await this.placement.place(machine, { client, events, log, signal: ctx.signal });
    if (outcome.type !== 'placed') return false;
    pass.machine = outcome.machine;
    pass.findings.set('Placed', isTrue(outcome.machine.status?.kubevirtConfigRef?.rule ?? outcome.rule));
    const { refused } = outcome;
    pass.findings.set(
      'PlacementImmutable',
      refused === undefined ? isOver('PlacementImmutable') : isTrue('PlacementChangeRefused', refused),
    );
    return true;
  }

  private async delete(pass: MachinePass): Promise<ReconcileResult> {
    const { machine, findings } = pass;
    if (machine.metadata?.finalizers?.includes(MACHINE_FINALIZER) !== true) return;
    this.images.forget(pass.owner.uid);
    // Given up: the queue of the supervisor lets the Machine go.
    if (deletionPolicyOf(machine) === 'orphan') return;
    const outcome = await this.deleteRemote(pass);
    if (outcome.kind === 'done' && (await deleteFromSupervisor(pass))) {
      this.cloudInit.forget(pass.owner.uid);
      pass.event('normal', 'Deleted', `everything of the Machine was deleted from cluster ${pass.key}`);
      return;
    }
    const waiting =
      outcome.kind === 'waiting' ? outcome : { step: 'DeletingNetworkConfiguration', text: 'the NetworkConfiguration is being deleted' };
    findings.set('Deleting', isTrue(waiting.step, waiting.text));
    await reportPass(pass, this.api, 'deleting');
    return { requeueAfterMs: DELETION_LOOK_MS };
  }

  private async deleteRemote(pass: MachinePass): Promise<RemoteDeletion> {
    try {
      return await deleteRemoteObjects(pass);
    } catch (error) {
      const cause = error instanceof PassEnded && error.end !== undefined && 'error' in error.end ? error.end.error : error;
      if (isLasting(cause)) {
        stateObstacle(pass.findings, pass.key, cause);
        await reportPass(pass, this.api, 'deleting');
      }
      throw cause;
    }
  }

  private async passFor(
    machine: Machine,
    key: string,
    use: Extract<ClusterUse, { usable: true }>,
    newsMs: number | undefined,
    ctx: ReconcileContext,
  ): Promise<MachinePass> {
    const { settings, supervisor } = this;
    const { namespace = '', name = '', uid = '' } = machine.metadata ?? {};
    const found = this.checked.get(key);
    const event: TellEvent = (type, reason, note) => ctx.events[type](reason, note, machine);
    return {
      machine,
      owner: { supervisorId: await this.identity.id(ctx.signal), managedBy: settings.managedBy, namespace, name, uid },
      profile: this.api.profile,
      settings,
      key,
      cluster: ctx.cluster,
      remote: ctx.client,
      supervisor,
      local: ctx.clientOf(supervisor),
      clusters: ctx.clusters,
      config: use.config,
      kubeVirtVersion: found?.kubeVirtVersion,
      hasImporter: found?.hasImporter,
      macs: this.macs,
      cloudInit: this.cloudInit,
      images: this.images,
      metrics: this.metrics,
      contests: this.contests,
      shown: () => {
        if (newsMs !== undefined) this.metrics.statusWritten(key, this.news.secondsSince(newsMs));
      },
      findings: new PassFindings(),
      log: ctx.log.child({ machine: ctx.key, kubevirtConfig: key }),
      clock: ctx.clock,
      event,
      eventOnce: (type, reason, note) => {
        if (this.told.isNew(ctx.key, reason, note)) event(type, reason, note);
      },
      eventOver: (reason) => this.told.isOver(ctx.key, reason),
    };
  }
}

type Tell = (reason: string, note: string, about?: KubernetesObject) => void;

function about(tell: Tell, machine: Machine): Tell {
  return (reason, note, other = machine) => tell(reason, note, other);
}

function machineUid({ metadata }: KubernetesObject): string | undefined {
  return metadata?.annotations?.[MACHINE_UID_ANNOTATION];
}

/** An instance carries the annotations of the template it was made from; that of an adopted machine has none of ours. */
function machineOfInstance(vmi: RemoteInstance, cluster: Cluster | undefined): readonly ObjectKey[] {
  const own = machineOf(vmi);
  const vm = own.length > 0 || cluster === undefined ? undefined : storeOf(cluster, RemoteVirtualMachine)?.get(keyOf(vmi));
  return vm === undefined ? own : machineOf(vm);
}

/** An instance is named like its virtual machine. Events of machines that are not ours concern nobody. */
function machineOfEvent({ involvedObject: about }: RemoteEvent, cluster: Cluster | undefined): readonly ObjectKey[] {
  if (about?.name === undefined || cluster === undefined) return [];
  const vm = storeOf(cluster, RemoteVirtualMachine)?.get(objectKey(about.namespace, about.name));
  return vm === undefined ? [] : machineOf(vm);
}

function machineOf({ metadata }: KubernetesObject): readonly ObjectKey[] {
  const { [MACHINE_NAMESPACE_ANNOTATION]: namespace, [MACHINE_NAME_ANNOTATION]: name } = metadata?.annotations ?? {};
  return namespace === undefined || name === undefined ? [] : [`${namespace}/${name}`];
}

/** How many work on one cluster follows from the settings, so a class with another number is made from them. */
export function placedMachineHandler(concurrency: number): HandlerClass {
  if (concurrency === DEFAULT_CONCURRENCY) return PlacedMachineHandler;

  @Handler({ id: PlacedMachineHandler.name, rbac: RIGHTS })
  class PlacedMachineWorkers extends PlacedMachineHandler {
    @Reconcile(PlacedMachine, passesOf(concurrency))
    override reconcile(placed: PlacedMachine, ctx: ReconcileContext): Promise<ReconcileResult> {
      return super.reconcile(placed, ctx);
    }
  }
  return PlacedMachineWorkers;
}
