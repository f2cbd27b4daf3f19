/**
 * Places a Machine: decides, checks that what was decided can be used, writes it down, and tells people.
 *
 * Expected flow: decided -> the KubevirtConfig is there, not going, and its kubeconfig passes -> recorded -> annotation -> told.
 * Guarantees: nothing is recorded for a config that is missing or refused; a recorded placement is never changed; an unreachable cluster
 * is no obstacle to a record, but for a Machine that was placed before and lost its record.
 * Assumptions: called by the leader, for one Machine at a time.
 * Errors: those of the writes; what somebody has to mend, or to wait for, is in the outcome.
 */
import { type EventStage, isOperatorError, type KubeClient, keyOf, type Logger, singleton } from '../../framework';
import { ClusterClients } from '../clusters/cluster-clients';
import { ClusterConnections } from '../clusters/cluster-connections';
import { ClusterMetrics } from '../clusters/cluster-metrics';
import { ConfigDirectory } from '../clusters/config-directory';
import { configBeingDeleted, type KubevirtConfigError } from '../clusters/config-error';
import { MachineClusters } from '../clusters/machine-clusters';
import { PlacedMachines } from '../clusters/placed-machines';
import type { Machine } from '../kinds';
import { ToldOnce } from '../passes/told-once';
import { SupervisorApi } from '../supervisor-api';
import { type LostRecord, LostRecords } from './lost-records';
import { PlacementDecider } from './placement-decider';
import {
  AUTOMATIC_RULES,
  type PlacementDecision,
  type PlacementProblem,
  type PlacementRule,
  type RefusedChange,
  refusedChangeText,
} from './placement-rules';
import { recordPlacement } from './record-placement';
import { showsMachineOfOlderOperator } from './recorded-placement';

/** What placing needs of the pass it belongs to. */
export interface PlacementPass {
  /** Of the supervisor. */
  readonly client: KubeClient;
  readonly events: EventStage;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export type PlacementOutcome =
  | {
      readonly type: 'placed';
      /** With everything that was written. */
      readonly machine: Machine;
      readonly key: string;
      readonly rule: PlacementRule;
      /** Message of `PlacementImmutable`, reason `PlacementChangeRefused`; `undefined` = nothing else is wanted. */
      readonly refused: string | undefined;
    }
  | {
      readonly type: 'unplaced';
      /** Reason of the condition `Placed`. */
      readonly reason: PlacementProblem;
      readonly message: string;
      /** It passes by itself: the Machine is Pending and not Failed. */
      readonly waiting: boolean;
    }
  /** It, or its config, went away meanwhile. */
  | { readonly type: 'gone' };

/** Where a virtual machine is that nobody has recorded. */
export type Located =
  | { readonly type: 'found'; readonly key: string }
  /** All clusters have answered that there is none. */
  | { readonly type: 'nowhere' }
  | { readonly type: 'unknown'; readonly text: string };

@singleton()
export class MachinePlacement {
  constructor(
    private readonly decider: PlacementDecider,
    private readonly directory: ConfigDirectory,
    private readonly clients: ClusterClients,
    private readonly connections: ClusterConnections,
    private readonly clusters: MachineClusters,
    private readonly placed: PlacedMachines,
    private readonly api: SupervisorApi,
    private readonly metrics: ClusterMetrics,
    private readonly told: ToldOnce,
    private readonly lost: LostRecords,
  ) {}

  async place(machine: Machine, pass: PlacementPass): Promise<PlacementOutcome> {
    const decision = await this.decide(machine, pass);
    if (decision.type === 'unplaced') {
      this.metrics.unplaced(decision.problem);
      if (decision.waiting) return { type: 'unplaced', reason: decision.problem, message: decision.text, waiting: true };
      return this.failed(decision.problem, decision.text, machine, pass);
    }
    const { key, rule } = decision;
    const lost = rule === 'Recorded' ? undefined : await this.lost.of(machine, pass.client, pass.signal);
    if (lost !== undefined && !lost.holders.includes(key)) return this.unknown(lost, machine, pass);
    const problem = rule === 'Recorded' ? undefined : await this.problemOf(key, pass.signal);
    if (problem !== undefined) {
      this.metrics.unplaced('KubevirtConfigError');
      return this.failed('KubevirtConfigError', problem.message, machine, pass);
    }
    const recorded = await this.record(machine, decision, pass);
    if (recorded === undefined) return { type: 'gone' };
    if (rule !== 'Recorded') this.metrics.placed(rule);
    this.told.isOver(keyOf(machine), 'PlacementFailed');
    this.tell(recorded, decision, pass);
    return { type: 'placed', machine: recorded, key, rule, refused: this.refusal(recorded, key, decision.refused, pass) };
  }

  /** For a Machine that is going and has no record, but may have objects all the same: finds those and records where they are. */
  async locate(machine: Machine, pass: Pick<PlacementPass, 'client' | 'signal'>): Promise<Located> {
    if (this.decider.recorded(machine) === undefined) {
      const lost = await this.lost.of(machine, pass.client, pass.signal);
      const named = this.decider.named(machine);
      if (lost !== undefined && (named === undefined || !lost.holders.includes(named))) return { type: 'unknown', text: lost.text };
      if (lost === undefined && !showsMachineOfOlderOperator(machine)) return { type: 'nowhere' };
    }
    const decision = await this.decide(machine, pass);
    if (decision.type === 'unplaced') {
      return decision.problem === 'AmbiguousPlacement' ? { type: 'nowhere' } : { type: 'unknown', text: decision.text };
    }
    const recorded = await this.record(machine, decision, pass);
    if (recorded === undefined) return { type: 'unknown', text: `KubevirtConfig ${decision.key} is going` };
    return { type: 'found', key: decision.key };
  }

  /** Whether a Machine without a record may have objects on a cluster. */
  async isLost(machine: Machine, { client, signal }: Pick<PlacementPass, 'client' | 'signal'>): Promise<boolean> {
    return (await this.lost.of(machine, client, signal)) !== undefined;
  }

  /** A new place would be a second one. */
  private unknown({ text, holders }: LostRecord, machine: Machine, pass: PlacementPass): PlacementOutcome {
    const reason = holders.length > 0 ? 'DuplicateVirtualMachine' : 'SearchIncomplete';
    this.metrics.unplaced(reason);
    if (holders.length > 0) return this.failed(reason, text, machine, pass);
    return { type: 'unplaced', reason, message: text, waiting: true };
  }

  private decide(machine: Machine, { signal }: Pick<PlacementPass, 'signal'>): ReturnType<PlacementDecider['decide']> {
    const clientOf = (key: string, options: { signal: AbortSignal }): Promise<KubeClient> => this.clients.getClientForConfig(key, options);
    return this.decider.decide(machine, clientOf, { signal });
  }

  private record(
    machine: Machine,
    { key, rule }: Extract<PlacementDecision, { type: 'placed' }>,
    { client, signal }: Pick<PlacementPass, 'client' | 'signal'>,
  ): Promise<Machine | undefined> {
    return recordPlacement({
      ...{ client, machine, key, rule, signal, placed: this.placed },
      config: this.directory.get(key),
      clusterId: this.clusters.identityOf(key),
      keepsRecord: this.api.keeps('machines', 'status.kubevirtConfigRef'),
      vm: machine.status?.virtualMachineRef?.name ?? this.decider.nameOf(machine),
    });
  }

  /** Why no Machine may be placed there now; an outage of the cluster is none. */
  private async problemOf(key: string, signal: AbortSignal): Promise<KubevirtConfigError | undefined> {
    if (this.directory.get(key)?.metadata?.deletionTimestamp !== undefined) return configBeingDeleted(this.directory.placeOf(key));
    const known = this.connections.problemOf(key);
    if (known !== undefined || this.connections.clusterOf(key) !== undefined) return known;
    try {
      await this.clients.getRestConfigForConfig(key, { signal });
      return undefined;
    } catch (error) {
      if (!isOperatorError(error, 'KUBEVIRT_CONFIG')) throw error;
      return error as KubevirtConfigError;
    }
  }

  private tell(machine: Machine, decision: Extract<PlacementDecision, { type: 'placed' }>, { events, log }: PlacementPass): void {
    const { key, rule, unsearched } = decision;
    if (!AUTOMATIC_RULES.has(rule)) return;
    log.info('Automatically assigned KubevirtConfig to machine', { machine: keyOf(machine), kubevirtConfig: key, rule });
    events.normal('PlacementAssigned', `Automatically assigned KubevirtConfig to machine: ${key} (${rule})`);
    if (unsearched.length > 0) {
      events.warning(
        'PlacementSearchIncomplete',
        `placed on ${key}, though these clusters could not be searched: ${unsearched.join(', ')}`,
      );
    }
  }

  private refusal(machine: Machine, key: string, refused: RefusedChange | undefined, { events }: PlacementPass): string | undefined {
    const name = keyOf(machine);
    if (refused === undefined) {
      this.told.isOver(name, 'PlacementChangeRefused');
      return undefined;
    }
    const text = refusedChangeText(name, key, refused);
    if (this.told.isNew(name, 'PlacementChangeRefused', text)) events.warning('PlacementChangeRefused', text);
    return text;
  }

  private failed(reason: PlacementProblem, message: string, machine: Machine, { events, log }: PlacementPass): PlacementOutcome {
    log.warn('Failed to get KubeVirt client for machine', { machine: keyOf(machine), cause: message });
    if (this.told.isNew(keyOf(machine), 'PlacementFailed', message)) events.warning('PlacementFailed', message);
    return { type: 'unplaced', reason, message, waiting: false };
  }
}
