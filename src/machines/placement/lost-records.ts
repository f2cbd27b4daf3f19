/**
 * What is known of a Machine that has no record of its placement, though something may have been made for it.
 *
 * Owns: whether objects of it may be on a cluster, and what is said while it cannot be known on which. Never: contacts a cluster; writes.
 * Invariant: a record is written before anything remote is, so a Machine without our finalizer has nothing there.
 */
import { Cluster, inject, type KubeClient, keyOf, singleton } from '../../framework';
import { ClusterFindingsStore } from '../clusters/cluster-findings';
import { ConfigDirectory } from '../clusters/config-directory';
import { MACHINE_FINALIZER, MANAGED_BY_LABELS } from '../keys';
import { Machine, NetworkConfiguration } from '../kinds';
import { isOurs } from '../profile';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { SupervisorApi } from '../supervisor-api';
import { CLOUD_INIT_SECRETS, OLDER_OPERATOR } from '../virtual-machine/marks';
import { MarkedMachines } from './marked-machines';
import { recordedKey } from './recorded-placement';

/** Why it cannot be said where the objects of a Machine are. */
export interface LostRecord {
  readonly text: string;
  /** Clusters that hold objects with its marks; empty while it is waited for others. */
  readonly holders: readonly string[];
}

/** Phases that tell nothing of what was before: none at all, and ours while we wait. */
const UNTOLD: ReadonlySet<string> = new Set(['', 'Terminating']);

@singleton()
export class LostRecords {
  constructor(
    private readonly marked: MarkedMachines,
    private readonly directory: ConfigDirectory,
    private readonly findings: ClusterFindingsStore,
    private readonly supervisor: Cluster,
    private readonly api: SupervisorApi,
    @inject(MACHINES_SETTINGS) private readonly settings: MachinesSettings,
  ) {}

  /**
   * Of a Machine without a record that no single cluster knows as its own.
   * @returns `undefined` = nothing is, or can be, anywhere.
   */
  async of(machine: Machine, client: KubeClient, signal: AbortSignal): Promise<LostRecord | undefined> {
    if (machine.metadata?.finalizers?.includes(MACHINE_FINALIZER) !== true) return undefined;
    const holders = this.marked.clustersOf(machine);
    const lost = `the placement of machine ${keyOf(machine)} is not recorded any more`;
    const mayBeOne = holders.length > 1 && holders.some((key) => this.findings.get(key) === undefined);
    if (holders.length > 0 && !mayBeOne) {
      const where = `objects with its marks are on ${holders.length} clusters (${holders.join(', ')})`;
      return { text: `${lost}, and ${where}. Please set annotation 'vitistack.io/kubevirt-config' to one of them`, holders };
    }
    if (!mayBeOne && !(await this.mayBeMade(machine, client, signal))) return undefined;
    const unheard = mayBeOne ? holders : this.marked.unheard(this.directory.all().map((config) => this.directory.keyOf(config)));
    if (unheard.length === 0) return undefined;
    return { text: `${lost}, and its objects may be on clusters that have not answered yet: ${unheard.join(', ')}`, holders: [] };
  }

  /** Whether objects of a Machine that has lost its record are, or may be, on a cluster; from memory. */
  mayBeOn(key: string): boolean {
    const keeps = this.api.keeps('machines', 'status.kubevirtConfigRef');
    const lost = [...this.supervisor.store(Machine).list()].filter(
      (machine) =>
        machine.metadata?.finalizers?.includes(MACHINE_FINALIZER) === true &&
        isOurs(machine, this.api.profile) &&
        recordedKey(machine, this.api.home, keeps) === undefined,
    );
    if (lost.length === 0) return false;
    return this.marked.unheard([key]).length > 0 || lost.some((machine) => this.marked.clustersOf(machine).includes(key));
  }

  /** What of a Machine is made before anything remote is, and not by the older operator, which kept no record; or nothing is known at all. */
  private async mayBeMade({ metadata, status }: Machine, client: KubeClient, signal: AbortSignal): Promise<boolean> {
    if (metadata?.annotations?.[CLOUD_INIT_SECRETS] !== undefined) return true;
    if (metadata?.deletionTimestamp !== undefined && UNTOLD.has(status?.phase ?? '')) return true;
    const configuration = await client.find(NetworkConfiguration, keyOf({ metadata: metadata ?? {} }), { signal });
    if (configuration === undefined) return false;
    const managers = MANAGED_BY_LABELS.map((label) => configuration.metadata?.labels?.[label]);
    return this.settings.managedBy === OLDER_OPERATOR || !managers.includes(OLDER_OPERATOR);
  }
}
