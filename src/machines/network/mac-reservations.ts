/**
 * Which addresses are taken: by records, by virtual machines of every cluster, and by passes that are about to write one.
 *
 * Owns: reservations in memory. Never: writes; a NetworkConfiguration is the reservation that lasts.
 * Invariant: an address is promised to one Machine at a time.
 */
import {
  Cluster,
  ClusterRegistry,
  inject,
  isOperatorError,
  type Kind,
  type KubernetesObject,
  type Selection,
  type StoreReader,
  singleton,
} from '../../framework';
import { normalizeMac } from '../../kubevirt/mac-address';
import { NetworkConfiguration } from '../kinds';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { RemoteInstance, RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import { drawMac, macPrefix } from './mac-pool';
import { macsOfConfiguration } from './network-configuration';

@singleton()
export class MacReservations {
  /** Address to the Machine it is promised to. */
  private readonly promised = new Map<string, string>();
  /** Addresses that were drawn and taken, since the start. */
  collisions = 0;

  constructor(
    private readonly cluster: Cluster,
    private readonly clusters: ClusterRegistry,
    @inject(MACHINES_SETTINGS) private readonly settings: MachinesSettings,
  ) {}

  /** @throws {NoFreeMacError} */
  draw(machine: string): string {
    const taken = this.taken();
    const mac = drawMac({
      prefix: macPrefix(this.settings.macSet),
      isTaken: (candidate) => taken.has(candidate) || this.promised.has(candidate),
      onCollision: () => this.collisions++,
    });
    this.promised.set(mac, machine);
    return mac;
  }

  /** The record was written, or will not be. */
  release(mac: string): void {
    this.promised.delete(mac);
  }

  private taken(): ReadonlySet<string> {
    const taken = new Set<string>();
    for (const configuration of listed(this.cluster, NetworkConfiguration)) {
      for (const mac of macsOfConfiguration(configuration)) taken.add(mac);
    }
    for (const remote of this.clusters.remotes()) {
      for (const vm of listed(remote, RemoteVirtualMachine))
        addAll(taken, vm.spec?.template?.spec?.domain?.devices?.interfaces, 'macAddress');
      for (const vmi of listed(remote, RemoteInstance)) addAll(taken, vmi.status?.interfaces, 'mac');
    }
    return taken;
  }
}

function addAll<F extends string>(taken: Set<string>, interfaces: readonly { readonly [K in F]?: string }[] | undefined, field: F): void {
  for (const nic of interfaces ?? []) {
    const mac = normalizeMac(nic[field] ?? '');
    if (mac !== undefined) taken.add(mac);
  }
}

/** What the cache has; nothing where nobody watches. */
export function listed<T extends KubernetesObject>(cluster: Cluster, kind: Kind<T>): Iterable<T> {
  return storeOf(cluster, kind)?.list() ?? [];
}

export function storeOf<T extends KubernetesObject>(cluster: Cluster, kind: Kind<T>, select?: Selection): StoreReader<T> | undefined {
  try {
    return cluster.store(kind, select);
  } catch (error) {
    if (isOperatorError(error, 'NOT_CACHED')) return undefined;
    throw error;
  }
}
