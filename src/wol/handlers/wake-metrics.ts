/**
 * Metrics of packets and wakes.
 *
 * Owns: names, labels and buckets. Invariant: no label holds a MAC address, a virtual machine, a node or a source, so that the network
 * cannot make series.
 */
import { Counter, Gauge, Histogram } from 'prom-client';
import { MetricsRegistry, singleton } from '../../framework';
import type { WakeNotification } from '../manager/wake-observer';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

@singleton()
export class WakeMetrics {
  private readonly packets: Counter<'config'>;
  private readonly started: Counter<'config'>;
  private readonly errors: Counter<'config' | 'reason'>;
  private readonly managed: Gauge<'config'>;
  private readonly startLatency: Histogram<'config'>;
  private readonly dispatchLatency: Histogram<'config'>;
  /** Which reasons each config has had, so that its series can be taken away; as bounded as configs and reasons are. */
  private readonly reasons = new Map<string, Set<string>>();

  constructor(registry: MetricsRegistry) {
    const registers = [registry];
    const labelNames = ['config'] as const;
    this.packets = new Counter({
      name: 'wol_packets_total',
      help: 'Events received from agents, duplicates included.',
      labelNames,
      registers,
    });
    this.started = new Counter({ name: 'wol_vm_started_total', help: 'Starts that KubeVirt accepted.', labelNames, registers });
    this.errors = new Counter({
      name: 'wol_errors_total',
      help: 'Wakes that ended in an error, once a wake.',
      labelNames: ['config', 'reason'],
      registers,
    });
    this.managed = new Gauge({ name: 'wol_managed_vms', help: 'Virtual machines that a packet can wake.', labelNames, registers });
    this.startLatency = new Histogram({
      name: 'wol_start_latency_seconds',
      help: 'From the packet at the agent to the start being accepted.',
      labelNames,
      buckets: SECONDS,
      registers,
    });
    this.dispatchLatency = new Histogram({
      name: 'wol_dispatch_latency_seconds',
      help: 'From the packet at the agent to the start call being sent, for wakes that did not wait.',
      labelNames,
      buckets: SECONDS,
      registers,
    });
  }

  count(notification: WakeNotification): void {
    switch (notification.kind) {
      case 'packet':
        this.packets.inc({ config: notification.config });
        break;
      case 'started':
        this.started.inc({ config: notification.facts.config });
        this.startLatency.observe({ config: notification.facts.config }, notification.latencyMs / 1_000);
        break;
      case 'dispatched':
        this.dispatchLatency.observe({ config: notification.facts.config }, notification.latencyMs / 1_000);
        break;
      case 'skipped':
      case 'refused':
      case 'failed':
        this.countError(notification.facts.config, notification.reason);
        break;
      case 'invalid':
        this.countError('', notification.reason);
        break;
      default: // the other notifications are no outcomes
    }
  }

  setManaged(config: string, virtualMachines: number): void {
    this.managed.set({ config }, virtualMachines);
  }

  /** Series of a config that is gone disappear. */
  forget(config: string): void {
    this.managed.remove({ config });
    for (const metric of [this.packets, this.started, this.startLatency, this.dispatchLatency]) metric.remove({ config });
    for (const reason of this.reasons.get(config) ?? []) this.errors.remove({ config, reason });
    this.reasons.delete(config);
  }

  private countError(config: string, reason: string): void {
    this.errors.inc({ config, reason });
    this.reasons.set(config, (this.reasons.get(config) ?? new Set()).add(reason));
  }
}
