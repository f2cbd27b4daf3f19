/**
 * Keeps what nodes and OpenShift's configuration say, and turns it into `hardware` and `topology`.
 *
 * Expected flow: watches -> `onChange` -> `hardware` and `topology` read anew.
 * Guarantees: a value is known or absent, never guessed: before the first complete read it is `undefined`; after it the last one stays
 * while reading fails; equal facts are the same value.
 * Assumptions: the owner calls `start` once and `stop` at the end.
 * Caveats: extended resources are listed when the set of nodes changes and at `resyncMs`, not when a device plug-in comes up.
 * Errors: none; what hinders reading is in `failures`.
 */
import { type Clock, type KubeClient, type Logger, sleep } from '../../framework';
import { isSameJson, type Json } from '../json';
import type { Hardware, Topology } from './asset-context';
import { listExtendedResources } from './extended-resources';
import { FollowedKind, type FollowedKindOptions, type FollowedKindPorts } from './followed-kind';
import { hardwareOf } from './hardware';
import { CLUSTER_VERSION, CONFIG_GROUP, INFRASTRUCTURE, NETWORK, NODE_TOPOLOGIES, NODES, SCHEDULER } from './kinds';
import { topologyOf } from './topology';

export interface ClusterFactsOptions extends FollowedKindPorts {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Between two lists of extended resources, in milliseconds. */
  readonly resyncMs: number;
}

/** Nodes come in groups. */
const NODES_SETTLE_MS = 2_000;
const RETRY_MS = 15_000;
/** So long reading may fail before people are told. */
export const FAILURE_TOLD_MS = 5 * 60_000;

export class ClusterFacts {
  private readonly nodes: FollowedKind;
  private readonly nodeTopologies: FollowedKind;
  private readonly infrastructure: FollowedKind;
  private readonly scheduler: FollowedKind;
  private readonly network: FollowedKind;
  private readonly clusterVersion: FollowedKind;
  private resources: Readonly<Record<string, number>> | undefined;
  private resourcesFailure: string | undefined;
  private nodeNames = '';
  private lastHardware: Hardware | undefined;
  private lastTopology: Topology | undefined;
  /** Monotonic, by the text of what hinders reading. */
  private failingSinceMs: number | undefined;
  private wake: AbortController = new AbortController();
  private readonly stopping = new AbortController();

  constructor(private readonly options: ClusterFactsOptions) {
    const follow = (kind: FollowedKindOptions): FollowedKind => new FollowedKind(kind, { ...options, onChange: () => this.changed() });
    this.nodes = follow(NODES);
    this.nodeTopologies = follow(NODE_TOPOLOGIES);
    this.infrastructure = follow(INFRASTRUCTURE);
    this.scheduler = follow(SCHEDULER);
    this.network = follow(NETWORK);
    this.clusterVersion = follow(CLUSTER_VERSION);
  }

  start(): void {
    void this.listResources();
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error('the facts of the cluster are not followed any more'));
    this.wake.abort();
    await Promise.all(this.all.map((kind) => kind.stop()));
  }

  /** @returns `undefined` before it is known. */
  hardware(pciClasses: readonly string[]): Hardware | undefined {
    const isComplete = this.nodes.synced && this.nodeTopologies.isComplete && this.resources !== undefined;
    if (!isComplete) return this.lastHardware;
    const now = hardwareOf({
      nodes: this.nodes.objects(),
      resources: this.resources ?? {},
      nodeTopologies: this.nodeTopologies.objects(),
      pciClasses,
    });
    this.lastHardware = unlessSame(this.lastHardware, now);
    return this.lastHardware;
  }

  /** @returns `undefined` before it is known. */
  topology(): Topology | undefined {
    const config = [this.infrastructure, this.scheduler, this.network, this.clusterVersion];
    const isComplete = this.nodes.synced && config.every((kind) => kind.isComplete);
    if (!isComplete) return this.lastTopology;
    const [infrastructure, scheduler, network] = config.map((kind) => kind.get('cluster'));
    const now = topologyOf({
      nodes: this.nodes.objects(),
      isOpenShift: this.options.served.hasGroup(CONFIG_GROUP),
      ...{ infrastructure, scheduler, network },
      clusterVersion: this.clusterVersion.get('version'),
    });
    this.lastTopology = unlessSame(this.lastTopology, now);
    return this.lastTopology;
  }

  /** What hinders reading, once it has for five minutes. */
  get lastingFailures(): readonly string[] {
    const { failingSinceMs } = this;
    const isLasting = failingSinceMs !== undefined && this.options.clock.monotonicMs() - failingSinceMs >= FAILURE_TOLD_MS;
    return isLasting ? this.failures() : [];
  }

  private get all(): readonly FollowedKind[] {
    return [this.nodes, this.nodeTopologies, this.infrastructure, this.scheduler, this.network, this.clusterVersion];
  }

  private failures(): readonly string[] {
    return [...this.all.map(({ failure }) => failure), this.resourcesFailure].filter((failure) => failure !== undefined);
  }

  private changed(): void {
    this.followFailures();
    this.followNodes();
    this.options.onChange();
  }

  private followFailures(): void {
    const { clock, onChange } = this.options;
    if (this.failures().length === 0) this.failingSinceMs = undefined;
    else if (this.failingSinceMs === undefined) {
      this.failingSinceMs = clock.monotonicMs();
      sleep(clock, FAILURE_TOLD_MS, this.stopping.signal).then(onChange, () => undefined);
    }
  }

  /** Lists resources again when nodes came or went. */
  private followNodes(): void {
    if (!this.nodes.synced) return;
    const names = this.nodes
      .objects()
      .map(({ metadata }) => metadata?.uid)
      .sort()
      .join();
    if (names === this.nodeNames) return;
    const isFirst = this.nodeNames === '';
    this.nodeNames = names;
    if (!isFirst) this.wake.abort();
  }

  private async listResources(): Promise<void> {
    const { client, log, resyncMs } = this.options;
    const { signal } = this.stopping;
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      if (!isFirst && this.wake.signal.aborted) await this.pause(NODES_SETTLE_MS, signal);
      this.wake = new AbortController();
      try {
        const now = await listExtendedResources(client, signal);
        this.resourcesFailure = undefined;
        this.resources = unlessSame(this.resources, now);
      } catch (error) {
        if (signal.aborted) return;
        this.resourcesFailure = `Node: ${error instanceof Error ? error.message : String(error)}`;
        log.debug('extended resources cannot be listed', { error });
      }
      this.changed();
      await this.pause(this.resourcesFailure === undefined ? resyncMs : RETRY_MS, AbortSignal.any([signal, this.wake.signal]));
    }
  }

  private pause(durationMs: number, signal: AbortSignal): Promise<void> {
    return sleep(this.options.clock, durationMs, signal).catch(() => undefined);
  }
}

/** The value there was if the new one says the same, so that who compares by identity sees no change. */
export function unlessSame<T>(before: T | undefined, now: T): T {
  return before !== undefined && isSameJson(before as Json, now as Json) ? before : now;
}

/** What expressions see while nothing is known; they are not evaluated then. */
export const NO_HARDWARE: Hardware = hardwareOf({ nodes: [], resources: {}, nodeTopologies: [], pciClasses: [] });
export const NO_TOPOLOGY: Topology = topologyOf({ nodes: [], isOpenShift: false });
