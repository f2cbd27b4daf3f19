/**
 * Places Machines, and speaks for those whose cluster cannot be used.
 *
 * Owns: a Machine until it is placed, its status while its cluster is out of reach, and its end where no cluster has to be asked.
 * Never: writes to a remote cluster; those passes run in the queue of the cluster.
 * Invariant: a Machine of another provider gets nothing of us, and loses the finalizer only if that is ours and it was never placed.
 */
import {
  Cluster,
  clusterChanges,
  Handler,
  inject,
  keyOf,
  mapped,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
  Triggers,
  timestampOf,
} from '../../framework';
import { keyOfCluster } from '../clusters/cluster-key';
import { ClusterMetrics } from '../clusters/cluster-metrics';
import { judgeCluster } from '../clusters/cluster-state';
import { ConfigDirectory, concernsMachines } from '../clusters/config-directory';
import { type ClusterUse, MachineClusters } from '../clusters/machine-clusters';
import { PlacedMachines } from '../clusters/placed-machines';
import { SupervisorIdentity } from '../clusters/supervisor-identity';
import { DELETION_POLICY_ANNOTATION, MACHINE_FINALIZER } from '../keys';
import { KubevirtConfig, Machine, MachineClass, NetworkNamespace } from '../kinds';
import { deletionPolicyOf, unknownPolicy, untilGivenUpText } from '../passes/machine-deletion';
import { CONTESTED, writeMachineStatus } from '../passes/machine-report';
import { MachineTurns } from '../passes/machine-turns';
import { StatusContests } from '../passes/status-contests';
import { deleteFromSupervisor } from '../passes/supervisor-deletion';
import { ToldOnce } from '../passes/told-once';
import { MachinePlacement } from '../placement/machine-placement';
import { PlacementDecider } from '../placement/placement-decider';
import { isOurs } from '../profile';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { type ConditionFindings, isTrue, mergedConditions, shownFindings, staleConditionsPatch } from '../status/conditions';
import { type Failure, placementFailure, specFailure } from '../status/failures';
import { type StatusFields, statusFields } from '../status/machine-status';
import type { MachineSituation } from '../status/phase';
import { SupervisorApi } from '../supervisor-api';
import { reservedNamespaceProblem, specProblems } from '../virtual-machine/machine-validation';
import { ClusterCheckQueue } from './cluster-check-handler';
import { isFinalizerOurs } from './finalizer-owner';

/** A cluster that is being connected or checked is looked at again after this; what ends it is mostly told. */
const UNSETTLED_RETRY_MS = 1_000;
/** A cluster whose queue waits for its caches is looked at again after this: nobody is told that they are refused. */
const UNLISTED_RETRY_MS = 5_000;
/** A search that a cluster did not answer is repeated, also where that cluster was never lost. */
const SEARCH_AGAIN_MS = 15_000;
const UNPLACED_CONCURRENCY = 8;

interface Report {
  readonly situation: MachineSituation['kind'];
  readonly conditions?: ConditionFindings;
  readonly failure?: Failure;
}

@Handler()
export class MachineHandler {
  constructor(
    private readonly supervisor: Cluster,
    private readonly decider: PlacementDecider,
    private readonly placement: MachinePlacement,
    private readonly clusters: MachineClusters,
    private readonly directory: ConfigDirectory,
    private readonly identity: SupervisorIdentity,
    private readonly api: SupervisorApi,
    private readonly turns: MachineTurns,
    private readonly metrics: ClusterMetrics,
    private readonly told: ToldOnce,
    private readonly contests: StatusContests,
    checks: ClusterCheckQueue,
    triggers: Triggers,
    @inject(MACHINES_SETTINGS) private readonly settings: MachinesSettings,
  ) {
    // A CRD that was missing or wrong is there now.
    api.onChange(() => {
      for (const machine of this.machines()) triggers.touch(Machine, keyOf(machine));
    });
    // They were judged without knowing which cluster it is.
    checks.onIdentified(() => {
      for (const key of this.unplaced()) triggers.touch(Machine, key);
    });
  }

  @Reconcile(Machine, {
    concurrency: UNPLACED_CONCURRENCY,
    whileDeleting: true,
    // Of passes in the queue of a cluster nothing is news here but the placement.
    changed: (now, old) => isNews(now, old),
    failure: { condition: false, event: true },
    watches: (get) => [
      mapped(KubevirtConfig, () => get(MachineHandler).served(), { when: concernsMachines }),
      mapped(MachineClass, () => []),
      mapped(NetworkNamespace, () => []),
      clusterChanges(({ name }) => [
        ...get(PlacedMachines).machinesOf(keyOfCluster(name, get(SupervisorApi).home)),
        ...get(MachineHandler).unplaced(),
      ]),
    ],
  })
  async reconcile(machine: Machine, ctx: ReconcileContext<Machine>): Promise<ReconcileResult> {
    if (this.api.problem !== undefined || !this.isWatched(machine)) return;
    return this.turns.run(ctx.key, () => this.work(machine, ctx));
  }

  /** Keys of Machines that have no placement yet. */
  unplaced(): string[] {
    const { profile } = this.api;
    return [...this.machines()].filter((machine) => isOurs(machine, profile) && this.decider.recorded(machine) === undefined).map(keyOf);
  }

  /** Keys of those that a KubevirtConfig may concern: which are placed, or look for a place. */
  served(): string[] {
    const { profile } = this.api;
    return [...this.machines()].filter((machine) => isOurs(machine, profile) || this.decider.recorded(machine) !== undefined).map(keyOf);
  }

  machines(): Iterable<Machine> {
    return this.supervisor.store(Machine).list();
  }

  private isWatched({ metadata }: Machine): boolean {
    const { watchNamespaces } = this.settings;
    return watchNamespaces.length === 0 || watchNamespaces.includes(metadata?.namespace ?? '');
  }

  private async work(seen: Machine, ctx: ReconcileContext<Machine>): Promise<ReconcileResult> {
    const machine = this.supervisor.store(Machine).get(ctx.key) ?? seen;
    if (machine.metadata?.deletionTimestamp !== undefined) return this.delete(machine, ctx);
    const key = this.decider.recorded(machine);
    if (!isOurs(machine, this.api.profile)) return this.release(machine, key, ctx);
    // The record of the placement is in the status too.
    const heldMs = this.contests.look(machine);
    await this.contests.tellNew(machine, ctx.client, tellContest(ctx));
    if (heldMs > 0) return { requeueAfterMs: heldMs };
    await this.dropStaleConditions(machine, ctx);
    return key === undefined || machine.status?.kubevirtConfigRef === undefined
      ? this.place(machine, ctx)
      : this.speakFor(machine, key, ctx);
  }

  /** The provider was changed to another operator's, or has always been that. */
  private async release(machine: Machine, key: string | undefined, ctx: ReconcileContext<Machine>): Promise<ReconcileResult> {
    if (machine.metadata?.finalizers?.includes(MACHINE_FINALIZER) !== true) return;
    if (key === undefined) {
      if (!(await isFinalizerOurs(ctx.client, machine, ctx.signal))) return;
      if (await this.placement.isLost(machine, ctx)) return { requeueAfterMs: SEARCH_AGAIN_MS };
      await ctx.client.removeFinalizer(Machine, machine, MACHINE_FINALIZER);
      return;
    }
    const { provider = '', providerConfig } = machine.spec ?? {};
    const wanted = provider === '' ? (providerConfig?.name ?? '') : provider;
    const text = `machine ${ctx.key} is placed on KubevirtConfig ${key}; changing the provider to ${wanted} is not supported. Restore kubevirt, or delete the Machine and create it anew`;
    this.warnOnce(machine, 'ProviderChangeRefused', text, ctx);
    const shown = shownFindings(machine.status?.conditions ?? []);
    const { reason, message, status } = shown.PlacementImmutable ?? {};
    if (status === 'True' && reason === 'ProviderChangeRefused' && message === text) return;
    const stamp = { now: timestampOf(ctx.clock.now()), generation: machine.metadata?.generation };
    const findings: ConditionFindings = { PlacementImmutable: isTrue('ProviderChangeRefused', text) };
    // Nothing else: what is shown of the virtual machine stays.
    return this.write(machine, { conditions: mergedConditions(machine.status?.conditions ?? [], findings, stamp) }, ctx);
  }

  private async place(machine: Machine, ctx: ReconcileContext<Machine>): Promise<ReconcileResult> {
    const { namespace = '' } = machine.metadata ?? {};
    const reserved = reservedNamespaceProblem(namespace, this.settings.deniedNamespaces);
    const problems = [reserved, specProblems(machine)].filter((text) => text !== undefined).join('; ');
    if (problems !== '') {
      this.warnOnce(machine, 'InvalidSpec', problems, ctx);
      return this.report(machine, { situation: 'waiting-for-placement', failure: specFailure(problems) }, ctx);
    }
    this.told.isOver(ctx.key, 'InvalidSpec');
    const outcome = await this.placement.place(machine, ctx);
    if (outcome.type === 'gone') return;
    const valid: ConditionFindings = { SpecValid: isTrue('Valid') };
    if (outcome.type === 'unplaced') {
      const { reason, message, waiting } = outcome;
      const Placed = { status: 'Unknown', reason, message } as const;
      const report: Report = waiting
        ? { situation: 'waiting-for-placement', conditions: { ...valid, Placed } }
        : { situation: 'waiting-for-placement', conditions: valid, failure: placementFailure(reason, message) };
      await this.report(machine, report, ctx);
      return waiting ? { requeueAfterMs: SEARCH_AGAIN_MS } : undefined;
    }
    this.contests.wrote(machine, outcome.machine);
    // From here on the queue of the cluster works on it, if it can.
    return this.speakFor(outcome.machine, outcome.key, ctx);
  }

  /** Says why nothing happens while the cluster cannot be used. */
  private async speakFor(machine: Machine, key: string, ctx: ReconcileContext<Machine>): Promise<ReconcileResult> {
    const use = this.clusters.use(key);
    if (use.usable) {
      this.recovered(machine, key, ctx);
      return untilListed(use.cluster);
    }
    if (!this.isSettled(key, use)) return { requeueAfterMs: UNSETTLED_RETRY_MS };
    this.warnOnce(machine, 'RemoteUnreachable', use.message, ctx);
    const rule = machine.status?.kubevirtConfigRef?.rule;
    const conditions: ConditionFindings = {
      ...(rule === undefined ? {} : { Placed: isTrue(rule) }),
      RemoteUnreachable: isTrue(use.reason, use.message),
    };
    const held = await this.report(machine, { situation: 'unreachable', conditions }, ctx);
    return use.isUntold === true ? { requeueAfterMs: UNLISTED_RETRY_MS } : held;
  }

  private recovered(machine: Machine, key: string, ctx: ReconcileContext<Machine>): void {
    if (!this.told.isOver(keyOf(machine), 'RemoteUnreachable')) return;
    ctx.events.normal('RemoteRecovered', `cluster ${key} can be used again`);
  }

  /** Something is known for sure: while a cluster is connected and checked, what was said before holds. */
  private isSettled(key: string, use: Extract<ClusterUse, { usable: false }>): boolean {
    if (use.reason === 'ConfigNotFound') return this.directory.isKnown;
    const config = this.directory.get(key);
    return config !== undefined && judgeCluster(this.clusters.facts(key, config)) !== undefined;
  }

  private async delete(machine: Machine, ctx: ReconcileContext<Machine>): Promise<ReconcileResult> {
    if (machine.metadata?.finalizers?.includes(MACHINE_FINALIZER) !== true) return;
    const isNone = !isOurs(machine, this.api.profile) && this.decider.recorded(machine) === undefined;
    if (isNone && !(await isFinalizerOurs(ctx.client, machine, ctx.signal))) {
      const text = `finalizer ${MACHINE_FINALIZER} was set by somebody else, for another provider: it is left to them`;
      if (this.told.isNew(ctx.key, 'FinalizerNotOurs', text)) ctx.log.info(text, { machine: ctx.key });
      return;
    }
    const unknown = unknownPolicy(machine);
    if (unknown !== undefined) {
      const text = `annotation ${DELETION_POLICY_ANNOTATION} is "${unknown}"; allowed: delete, orphan, retain-disks. It counts as delete`;
      this.warnOnce(machine, 'InvalidAnnotation', text, ctx);
    }
    const isOrphan = deletionPolicyOf(machine) === 'orphan';
    if (isOrphan) {
      const place = this.decider.recorded(machine);
      if (place !== undefined) this.tellOrphans(machine, place, ctx);
      return this.finish(machine, ctx);
    }
    let key = this.decider.written(machine);
    if (key === undefined) {
      const located = await this.placement.locate(machine, ctx);
      if (located.type === 'unknown') {
        await this.sayWaiting(machine, located.text, {}, ctx);
        return { requeueAfterMs: SEARCH_AGAIN_MS };
      }
      key = located.type === 'found' ? located.key : undefined;
    }
    if (key === undefined) return this.finish(machine, ctx);
    const use = this.clusters.use(key);
    // The queue of the cluster takes its objects away.
    if (use.usable) return untilListed(use.cluster);
    if (!this.isSettled(key, use)) return { requeueAfterMs: UNSETTLED_RETRY_MS };
    const cause = use.message.startsWith(`cluster ${key}: `) ? use.message.slice(`cluster ${key}: `.length) : use.message;
    const held = await this.sayWaiting(machine, `waiting for cluster ${key}: ${cause}`, { RemoteUnreachable: use.reason }, ctx);
    return use.isUntold === true ? { requeueAfterMs: UNLISTED_RETRY_MS } : held;
  }

  private sayWaiting(
    machine: Machine,
    what: string,
    { RemoteUnreachable }: { RemoteUnreachable?: string },
    ctx: ReconcileContext<Machine>,
  ): Promise<ReconcileResult> {
    const text = untilGivenUpText(what);
    const conditions: ConditionFindings = {
      Deleting: isTrue('WaitingForCluster', text),
      ...(RemoteUnreachable === undefined ? {} : { RemoteUnreachable: isTrue(RemoteUnreachable, text) }),
    };
    return this.report(machine, { situation: 'deleting', conditions }, ctx);
  }

  /** Nothing is left on a remote cluster that is ours to take away. */
  private async finish(machine: Machine, ctx: ReconcileContext<Machine>): Promise<ReconcileResult> {
    const { namespace = '', name = '', uid = '' } = machine.metadata ?? {};
    const owner = { supervisorId: await this.identity.id(ctx.signal), managedBy: this.settings.managedBy, namespace, name, uid };
    const { supervisor, settings } = this;
    const event = (type: 'normal' | 'warning', reason: string, note: string): void => ctx.events[type](reason, note);
    const isDone = await deleteFromSupervisor({ machine, owner, supervisor, settings, local: ctx.client, log: ctx.log, event });
    if (!isDone) return { requeueAfterMs: UNSETTLED_RETRY_MS };
  }

  private tellOrphans(machine: Machine, key: string, ctx: ReconcileContext<Machine>): void {
    const { virtualMachineRef, disks = [] } = machine.status ?? {};
    const claims = disks.map(({ pvcName }) => pvcName ?? '').filter((claim) => claim !== '');
    const vm = virtualMachineRef?.name ?? 'none known';
    const text = `left on cluster ${key}, namespace ${machine.metadata?.namespace}: VirtualMachine ${vm}, PersistentVolumeClaims ${claims.length === 0 ? 'none known' : claims.join(', ')}`;
    // The pass comes again until the NetworkConfiguration is gone.
    if (!this.told.isNew(ctx.key, 'RemoteObjectsOrphaned', text)) return;
    this.metrics.orphaned(key);
    ctx.events.warning('RemoteObjectsOrphaned', text);
  }

  private report(
    machine: Machine,
    { situation, conditions = {}, failure }: Report,
    ctx: ReconcileContext<Machine>,
  ): Promise<ReconcileResult> {
    const findings = { profile: this.api.profile, situation, conditions, failure, problem: undefined, seen: undefined };
    return this.write(machine, statusFields(machine, findings, timestampOf(ctx.clock.now())), ctx);
  }

  private async write(machine: Machine, fields: StatusFields, ctx: ReconcileContext<Machine>): Promise<ReconcileResult> {
    const { api, contests } = this;
    const outcome = await writeMachineStatus({ client: ctx.client, api, contests, tell: tellContest(ctx) }, machine, fields);
    if (typeof outcome === 'number') return { requeueAfterMs: outcome };
  }

  private async dropStaleConditions(machine: Machine, ctx: ReconcileContext<Machine>): Promise<void> {
    const patch = staleConditionsPatch(machine.status?.conditions ?? []);
    if (patch !== undefined)
      await ctx.client.patch(Machine, keyOf(machine), patch as Parameters<typeof ctx.client.patch>[2], { subresource: 'status' });
  }

  /** One Event for as long as it goes on to be true in the same words. */
  private warnOnce(machine: Machine, reason: string, text: string, { events }: ReconcileContext<Machine>): void {
    if (this.told.isNew(keyOf(machine), reason, text)) events.warning(reason, text);
  }
}

/** The queue of the cluster begins when everything was listed. What the cluster refuses to list shows only then. */
function untilListed({ hasSynced }: Cluster): ReconcileResult {
  return hasSynced ? undefined : { requeueAfterMs: UNLISTED_RETRY_MS };
}

function tellContest({ events }: ReconcileContext<Machine>): (note: string) => void {
  return (note) => events.warning(CONTESTED, note);
}

/** Everything but what our own passes write into the status. */
function isNews(now: Machine, old: Machine): boolean {
  const { resourceVersion: _now, managedFields: _nowFields, ...metadata } = now.metadata ?? {};
  const { resourceVersion: _old, managedFields: _oldFields, ...before } = old.metadata ?? {};
  const isSame =
    JSON.stringify([metadata, now.spec, now.status?.kubevirtConfigRef]) ===
    JSON.stringify([before, old.spec, old.status?.kubevirtConfigRef]);
  return !isSame;
}
