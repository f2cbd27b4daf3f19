/**
 * Shows figures about Machines, on every replica; how fast changes show is known to the leader only.
 *
 * Owns: which changes are news of a Machine, and that what is remembered of a Machine goes with it. Never: writes to a cluster.
 */
import {
  CLOCK,
  type Clock,
  Cluster,
  ClusterRegistry,
  Handler,
  inject,
  type KubernetesObject,
  keyOf,
  MetricsRegistry,
  type ObjectKey,
  OnEvent,
  type ResourceEvent,
} from '../../framework';
import { BootImages } from '../boot-images/boot-images';
import { ConfigDirectory } from '../clusters/config-directory';
import { MACHINE_NAME_ANNOTATION, MACHINE_NAMESPACE_ANNOTATION } from '../keys';
import { Machine } from '../kinds';
import { MacReservations, storeOf } from '../network/mac-reservations';
import { ClusterLabels } from '../observability/cluster-labels';
import { type MachineFigures, machineFigures } from '../observability/machine-figures';
import { RemoteNews } from '../observability/remote-news';
import { RestTimes } from '../observability/rest-times';
import { CloudInitMemory } from '../passes/cloud-init-step';
import { StatusContests } from '../passes/status-contests';
import { ToldOnce } from '../passes/told-once';
import { recordedKey } from '../placement/recorded-placement';
import { isOurs } from '../profile';
import { SupervisorApi } from '../supervisor-api';
import { RemoteInstance, RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import { exposeMachineFigures } from './machine-gauges';

const REMOTE = { clusters: 'remotes' } as const;

@Handler()
export class MachineFiguresHandler {
  constructor(
    private readonly supervisor: Cluster,
    private readonly clusters: ClusterRegistry,
    private readonly directory: ConfigDirectory,
    private readonly api: SupervisorApi,
    private readonly labels: ClusterLabels,
    private readonly rests: RestTimes,
    private readonly news: RemoteNews,
    private readonly told: ToldOnce,
    private readonly contests: StatusContests,
    private readonly cloudInit: CloudInitMemory,
    private readonly images: BootImages,
    macs: MacReservations,
    metrics: MetricsRegistry,
    @inject(CLOCK) private readonly clock: Clock,
  ) {
    exposeMachineFigures(metrics, { figures: () => this.figures(), macCollisions: () => macs.collisions });
  }

  @OnEvent(Machine)
  ofMachine({ type, object, old }: ResourceEvent<Machine>): void {
    if (type !== 'DELETED') {
      this.rests.see(object, old, this.clock.now());
      return;
    }
    this.rests.forget(object);
    this.news.forget(keyOf(object));
    this.told.forget(keyOf(object));
    this.contests.forget(keyOf(object));
    this.cloudInit.forget(object.metadata?.uid ?? '');
    this.images.forget(object.metadata?.uid ?? '');
  }

  @OnEvent(RemoteVirtualMachine, REMOTE)
  ofVirtualMachine({ object }: ResourceEvent<RemoteVirtualMachine>): void {
    this.newsOf(object);
  }

  @OnEvent(RemoteInstance, REMOTE)
  ofInstance({ object, cluster }: ResourceEvent<RemoteInstance>): void {
    const remote = this.clusters.get(cluster);
    this.newsOf((remote && storeOf(remote, RemoteVirtualMachine)?.get(keyOf(object))) ?? object);
  }

  /** Marks may name anything; only Machines that are there are remembered. */
  private newsOf({ metadata }: KubernetesObject): void {
    const { [MACHINE_NAMESPACE_ANNOTATION]: namespace, [MACHINE_NAME_ANNOTATION]: name } = metadata?.annotations ?? {};
    if (namespace === undefined || name === undefined) return;
    const machine: ObjectKey = `${namespace}/${name}`;
    if (storeOf(this.supervisor, Machine)?.get(machine) !== undefined) this.news.came(machine);
  }

  private figures(): MachineFigures {
    const keeps = this.api.keeps('machines', 'status.kubevirtConfigRef');
    const configs = this.directory.isKnown ? this.directory.all() : [];
    const machines = [...(storeOf(this.supervisor, Machine)?.list() ?? [])].filter((machine) => isOurs(machine, this.api.profile));
    return machineFigures(machines, {
      clusters: configs.map((config) => this.labels.of(this.directory.keyOf(config))),
      clusterOf: (machine) => this.labels.of(recordedKey(machine, this.api.home, keeps) ?? ''),
      restedUntilMs: (uid) => this.rests.restedUntilMs(uid),
      nowMs: this.clock.now(),
    });
  }
}
