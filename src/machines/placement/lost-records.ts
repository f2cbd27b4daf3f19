/**
 * What is known of a Machine that has no record of its placement, though something may have been made for it.
 *
 * Owns: whether objects of it may be on a cluster, and what is said while it cannot be known on which. Never: contacts a cluster; writes.
 * Invariant: a record is written before anything remote is, so a Machine without our finalizer has nothing there.
 */
import { inject, type KubeClient, keyOf, singleton } from '../../framework';
import { ConfigDirectory } from '../clusters/config-directory';
import { MACHINE_FINALIZER, MANAGED_BY_LABELS } from '../keys';
import { type Machine, NetworkConfiguration } from '../kinds';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { CLOUD_INIT_SECRETS, OLDER_OPERATOR } from '../virtual-machine/marks';
import { MarkedMachines } from './marked-machines';

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
    @inject(MACHINES_SETTINGS) private readonly settings: MachinesSettings,
  ) {}

  /**
   * Of a Machine without a record that no single cluster knows as its own.
   * @returns `undefined` = nothing is, or can be, anywhere.
   */
  async of(machine: Machine, client: KubeClient, signal: AbortSignal): Promise<LostRecord | undefined> {
    if (machine.metadata?.finalizers?.includes(MACHINE_FINALIZER) !== true) return undefined;
    const holders = this.marked.clustersOf(machine.metadata.uid ?? '');
    const lost = `the placement of machine ${keyOf(machine)} is not recorded any more`;
    if (holders.length > 0) {
      const where = `objects with its marks are on ${holders.length} clusters (${holders.join(', ')})`;
      return { text: `${lost}, and ${where}. Please set annotation 'vitistack.io/kubevirt-config' to one of them`, holders };
    }
    if (!(await this.mayBeMade(machine, client, signal))) return undefined;
    const unheard = this.marked.unheard(this.directory.all().map((config) => this.directory.keyOf(config)));
    if (unheard.length === 0) return undefined;
    return { text: `${lost}, and its objects may be on clusters that have not answered yet: ${unheard.join(', ')}`, holders: [] };
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
