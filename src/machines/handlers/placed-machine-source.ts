/**
 * The Machines of each cluster, as keys of that cluster's own queue: what blocks one cluster takes nothing from another.
 *
 * Owns: which Machine is in which queue. Never: decides on a placement; the record does.
 */
import { Cluster, defineVirtualKind, type KeySink, type KeySource, LOCAL_CLUSTER, type ObjectKey, Source } from '../../framework';
import { keyOfCluster } from '../clusters/cluster-key';
import { PlacedMachines } from '../clusters/placed-machines';
import { Machine } from '../kinds';
import { recordedKey } from '../placement/recorded-placement';
import { SupervisorApi } from '../supervisor-api';

/** A Machine in the queue of the cluster it is placed on. */
export interface PlacedMachine {
  readonly machine: Machine;
}
export const PlacedMachine = defineVirtualKind<PlacedMachine>('PlacedMachine');

interface Queue {
  readonly sink: KeySink;
  known: ReadonlySet<ObjectKey>;
}

@Source(PlacedMachine)
export class PlacedMachineSource implements KeySource<PlacedMachine> {
  /** By cluster key. */
  private readonly queues = new Map<string, Queue>();

  constructor(
    private readonly supervisor: Cluster,
    private readonly placed: PlacedMachines,
    private readonly api: SupervisorApi,
  ) {
    placed.onChange((key) => this.follow(key));
  }

  resolve(key: ObjectKey, cluster: string): PlacedMachine | undefined {
    const machine = this.supervisor.store(Machine).get(key);
    const place = machine && recordedKey(machine, this.api.home, this.api.keeps('machines', 'status.kubevirtConfigRef'));
    return place === keyOfCluster(cluster, this.api.home) && machine !== undefined ? { machine } : undefined;
  }

  start(sink: KeySink, cluster: string): void {
    if (cluster !== LOCAL_CLUSTER) {
      const key = keyOfCluster(cluster, this.api.home);
      this.queues.set(key, { sink, known: new Set() });
      this.follow(key);
    }
    sink.synced();
  }

  stop(cluster: string): void {
    this.queues.delete(keyOfCluster(cluster, this.api.home));
  }

  private follow(key: string): void {
    const queue = this.queues.get(key);
    if (queue === undefined) return;
    const before = queue.known;
    queue.known = new Set(this.placed.machinesOf(key));
    // Those that stay have nothing new: what concerns one of them is told by its own watches.
    for (const machine of queue.known) if (!before.has(machine)) queue.sink.add(machine);
    for (const machine of before) if (!queue.known.has(machine)) queue.sink.remove(machine);
  }
}
