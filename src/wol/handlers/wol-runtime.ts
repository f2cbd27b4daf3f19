/**
 * The parts of Wake-on-LAN that live as long as the operator: wake map, wake targets, waker.
 *
 * Owns: putting them together from settings and cluster. Never: starts or stops anything by itself.
 */
import {
  CLOCK,
  type Clock,
  Cluster,
  inject,
  injectAll,
  KubeClient,
  LOGGER,
  type Logger,
  MetricsRegistry,
  objectKey,
  Secret,
  singleton,
} from '../../framework';
import { keepInstanceInterfaces } from '../../kubevirt/instance-interfaces';
import { SubresourceCalls } from '../../kubevirt/subresource-calls';
import { VirtualMachine } from '../../kubevirt/virtual-machine';
import { VirtualMachineInstance } from '../../kubevirt/virtual-machine-instance';
import { WAKE_TARGET_SOURCE, type WakeTargetSource } from '../../kubevirt/wake-target';
import { LearnedMacs } from '../manager/learned-macs';
import { LocalWakeTargets } from '../manager/local-wake-targets';
import { MacLearner } from '../manager/mac-learner';
import { inSlices, type Pace, pacedBy } from '../manager/pace';
import { Reverification } from '../manager/reverification';
import { SecureOnPasswords } from '../manager/secure-on-passwords';
import { StartLimits } from '../manager/start-limits';
import { WakeMap } from '../manager/wake-map';
import { WakeMapReadiness } from '../manager/wake-map-readiness';
import { Waker } from '../manager/waker';
import { WOL_SETTINGS, type WolSettings } from '../settings';
import { WolConfig } from '../wol-config';
import { exposeWakeFigures } from './wake-gauges';
import { WakeReporter } from './wake-reporter';

@singleton()
export class WolRuntime {
  readonly map: WakeMap;
  readonly localTargets: LocalWakeTargets;
  readonly waker: Waker;
  readonly learned = new LearnedMacs();
  readonly learner: MacLearner;
  readonly reverification: Reverification;
  readonly limits: StartLimits;
  readonly passwords: SecureOnPasswords;
  private readonly readiness: WakeMapReadiness;
  private readonly pace: Pace;
  private learnedIsKnown = false;

  constructor(
    @inject(WOL_SETTINGS) settings: WolSettings,
    @inject(CLOCK) clock: Clock,
    @inject(LOGGER) logger: Logger,
    private readonly cluster: Cluster,
    client: KubeClient,
    observer: WakeReporter,
    metrics: MetricsRegistry,
    /** Of other modules. */
    @injectAll(WAKE_TARGET_SOURCE, { isOptional: true }) readonly sources: readonly WakeTargetSource[],
  ) {
    this.pace = pacedBy(clock);
    this.map = new WakeMap({
      watchNamespaces: settings.watchNamespaces,
      learnedMacsOf: ({ cluster: place, uid }) => (place === '' ? this.learned.macsOf(uid) : []),
      pace: this.pace,
    });
    const calls = new SubresourceCalls({ request: (call) => client.raw(call) });
    this.localTargets = new LocalWakeTargets(calls, () => this.virtualMachinesKnown());
    const { map, learned, localTargets } = this;
    // Before the map follows them: it asks for what was learned.
    this.learner = new MacLearner({ map, targets: localTargets, learned, keepInterfaces: keepInstanceInterfaces });
    for (const source of [this.localTargets, ...sources]) this.map.attach(source);
    this.limits = new StartLimits(clock, { maxPerMinute: settings.maxStartsPerMinute });
    const readSecret = async (namespace: string, name: string): Promise<Record<string, string> | undefined> => {
      const secret = await client.find(Secret, objectKey(namespace, name));
      return secret && (secret.data ?? {});
    };
    this.passwords = new SecureOnPasswords(readSecret, settings.namespace, clock);
    const configsSynced = (): boolean => cluster.store(WolConfig).synced;
    this.readiness = new WakeMapReadiness(
      { configsSynced, local: this.localTargets, prepared: () => this.isPrepared, others: sources },
      clock,
    );
    this.waker = new Waker(
      {
        map: this.map,
        isReady: () => this.isReady(),
        limits: this.limits,
        passwords: this.passwords,
        observer,
        clock,
        logger,
      },
      {
        startTimeoutMs: settings.startTimeoutMs,
        maxConcurrentStarts: settings.maxConcurrentStarts,
        deduplication: { windowMs: settings.dedupWindowMs },
      },
    );
    const verify = (config: string): Promise<void> => this.verify(config);
    this.reverification = new Reverification({ verify, clock, logger, random: Math.random });
    this.expose(metrics);
  }

  /** Lets everything that depends on a config follow it, after the map has; also when it is gone. */
  followConfig(name: string): void {
    const config = this.map.effectiveConfig(name);
    this.passwords.follow(name, config?.passwordSecret);
    this.reverification.follow(name, config?.cacheTtlSeconds);
    this.learner.followConfigs();
    if (this.map.evaluationOf(name) === undefined) this.limits.forget(name);
  }

  /** Ends what would go on by itself. */
  close(): void {
    this.passwords.close();
    this.reverification.close();
  }

  /** Stored addresses were read, or could not be. */
  learnedKnown(): void {
    this.learnedIsKnown = true;
  }

  /** Packets can be answered: before this agents keep them. Once true, always true. */
  isReady(): boolean {
    return this.readiness.isReady();
  }

  private get isPrepared(): boolean {
    return this.passwords.settled && (this.learnedIsKnown || !this.learner.isActive);
  }

  /** Whether another module knows a virtual machine; that the module is there says nothing, it may have none to offer. */
  hasOtherTargets(): boolean {
    return this.sources.some((source) => source.targets()[Symbol.iterator]().next().done !== true);
  }

  /** Compares everything in memory with the caches, as far as one config is concerned. */
  private async verify(config: string): Promise<void> {
    const vms = this.cluster.store(VirtualMachine);
    const vmis = this.cluster.store(VirtualMachineInstance);
    if (vms.synced && vmis.synced) await inSlices(this.localTargets.verify(vms, vmis), this.pace);
    await this.map.verify(config, [this.localTargets, ...this.sources]);
  }

  private expose(metrics: MetricsRegistry): void {
    const { map, waker, learned, localTargets } = this;
    exposeWakeFigures(metrics, {
      isReady: () => this.isReady(),
      size: () => map.size,
      repairs: () => map.repairs + localTargets.repairs,
      wakes: () => waker.stats,
      waiting: () => this.waitingWakes(),
      learned: () => ({ vms: learned.size, rejected: learned.rejections }),
    });
  }

  private *waitingWakes(): Iterable<readonly [string, number]> {
    for (const { name } of this.map.effectiveConfigs()) yield [name, this.limits.waiting(name)];
  }

  private virtualMachinesKnown(): boolean {
    return this.cluster.store(VirtualMachine).synced || this.cluster.availability(VirtualMachine) === 'absent';
  }
}
