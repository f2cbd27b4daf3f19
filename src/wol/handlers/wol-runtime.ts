/**
 * The parts of Wake-on-LAN that live as long as the operator: wake map, wake targets, waker.
 *
 * Owns: putting them together from settings and cluster. Never: starts or stops anything by itself.
 */
import { CLOCK, type Clock, Cluster, inject, KubeClient, LOGGER, type Logger, singleton } from '../../framework';
import { SubresourceCalls } from '../../kubevirt/subresource-calls';
import { VirtualMachine } from '../../kubevirt/virtual-machine';
import { LocalWakeTargets } from '../manager/local-wake-targets';
import { StartLimits } from '../manager/start-limits';
import { WakeMap } from '../manager/wake-map';
import { WakeMapReadiness } from '../manager/wake-map-readiness';
import { Waker } from '../manager/waker';
import { WOL_SETTINGS, type WolSettings } from '../settings';
import { WolConfig } from '../wol-config';
import { WakeReporter } from './wake-reporter';

@singleton()
export class WolRuntime {
  readonly map: WakeMap;
  readonly localTargets: LocalWakeTargets;
  readonly waker: Waker;
  private readonly readiness: WakeMapReadiness;

  constructor(
    @inject(WOL_SETTINGS) settings: WolSettings,
    @inject(CLOCK) clock: Clock,
    @inject(LOGGER) logger: Logger,
    private readonly cluster: Cluster,
    client: KubeClient,
    observer: WakeReporter,
  ) {
    this.map = new WakeMap({ watchNamespaces: settings.watchNamespaces });
    const calls = new SubresourceCalls({ request: (call) => client.raw(call) });
    this.localTargets = new LocalWakeTargets(calls, () => this.virtualMachinesKnown());
    this.map.attach(this.localTargets);
    const configsSynced = (): boolean => cluster.store(WolConfig).synced;
    this.readiness = new WakeMapReadiness({ configsSynced, local: this.localTargets, others: [] }, clock);
    this.waker = new Waker(
      {
        map: this.map,
        isReady: () => this.isReady(),
        limits: new StartLimits(clock, { maxPerMinute: settings.maxStartsPerMinute }),
        // No Secret is read in this version, so a config that asks for a password lets nothing pass.
        passwords: { passwordOf: () => undefined },
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
  }

  /** Packets can be answered: before this agents keep them. Once true, always true. */
  isReady(): boolean {
    return this.readiness.isReady();
  }

  private virtualMachinesKnown(): boolean {
    return this.cluster.store(VirtualMachine).synced || this.cluster.availability(VirtualMachine) === 'absent';
  }
}
