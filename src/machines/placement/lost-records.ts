/**
 * What is known of a Machine that has no record of its placement, though something may have been made for it.
 *
 * Owns: whether objects of it may be on a cluster, and what is said while it cannot be known on which. Never: contacts a cluster; writes.
 * Invariant: a record is written before anything remote is, so a Machine without our finalizer has nothing there.
 */
import { Cluster, type KubeClient, keyOf, singleton } from '../../framework';
import { ClusterFindingsStore } from '../clusters/cluster-findings';
import { ConfigDirectory } from '../clusters/config-directory';
import { MACHINE_FINALIZER } from '../keys';
import { Machine, NetworkConfiguration } from '../kinds';
import { isOurs } from '../profile';
import { SupervisorApi } from '../supervisor-api';
import { MarkedMachines } from './marked-machines';
import { recordedKey } from './recorded-placement';

/** Why it cannot be said where the objects of a Machine are. */
export interface LostRecord {
  readonly text: string;
  /** Clusters that hold objects with its marks; empty while it is waited for others. */
  readonly holders: readonly string[];
}

@singleton()
export class LostRecords {
  constructor(
    private readonly marked: MarkedMachines,
    private readonly directory: ConfigDirectory,
    private readonly findings: ClusterFindingsStore,
    private readonly supervisor: Cluster,
    private readonly api: SupervisorApi,
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
    if (!mayBeOne && !(await this.wasPlaced(machine, client, signal))) return undefined;
    const unheard = mayBeOne ? holders : this.marked.unheard(this.directory.all().map((config) => this.directory.keyOf(config)));
    if (unheard.length === 0) return undefined;
    return { text: `${lost}, and its objects may be on clusters that have not answered yet: ${unheard.join(', ')}`, holders: [] };
  }

  /** Whether objects of a Machine that has lost its record are, or may be, on a cluster. */
  async mayBeOn(key: string, client: KubeClient, signal: AbortSignal): Promise<boolean> {
    const keeps = this.api.keeps('machines', 'status.kubevirtConfigRef');
    const lost = [...this.supervisor.store(Machine).list()].filter(
      (machine) =>
        machine.metadata?.finalizers?.includes(MACHINE_FINALIZER) === true &&
        isOurs(machine, this.api.profile) &&
        recordedKey(machine, this.api.home, keeps) === undefined,
    );
    if (lost.some((machine) => this.marked.clustersOf(machine).includes(key))) return true;
    if (this.marked.unheard([key]).length === 0) return false;
    for (const machine of lost) if (await this.wasPlaced(machine, client, signal)) return true;
    return false;
  }

  /**
   * Whether this operator once placed it: it writes the NetworkConfiguration after the record and before anything remote, and takes it away
   * last. That of the older operator, which kept no record, or of a user who reserves an address, tells nothing.
   */
  private async wasPlaced({ metadata = {} }: Machine, client: KubeClient, signal: AbortSignal): Promise<boolean> {
    const configuration = await client.find(NetworkConfiguration, keyOf({ metadata }), { signal });
    const writers = (configuration?.metadata?.managedFields ?? []) as readonly { readonly manager?: string }[];
    return writers.some(({ manager }) => manager === client.fieldManager);
  }
}
