/**
 * Metrics of packets and wakes.
 *
 * Owns: names, labels and buckets. Invariant: no label holds a MAC address, a virtual machine, a node or a source, so that the network
 * cannot make series; a series of a config that is gone does not come back.
 */
import { Counter, Gauge, Histogram } from 'prom-client';
import { MetricsRegistry, singleton } from '../../framework';
import type { ConfigCounts } from '../manager/config-ledger';
import type { WakeNotification } from '../manager/wake-observer';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const CONFIG = ['config'] as const;

type Labels = Partial<Record<'config' | 'reason' | 'result', string>>;

@singleton()
export class WakeMetrics {
  private readonly packets: Counter;
  private readonly answers: Counter;
  private readonly started: Counter;
  private readonly unpaused: Counter;
  private readonly unconfirmed: Counter;
  private readonly errors: Counter;
  private readonly rateLimited: Counter;
  private readonly clockSkew: Counter;
  private readonly startLatency: Histogram;
  private readonly dispatchLatency: Histogram;
  private readonly managedVms: Gauge;
  private readonly managedMacs: Gauge;
  private readonly unwakeableVms: Gauge;
  private readonly conflicts: Gauge;
  /** Label sets beyond the config alone that each config has, so that they can be taken away; bounded by configs and reasons. */
  private readonly configs = new Map<string, Map<string, { readonly of: Counter; readonly labels: Labels }>>();

  constructor(registry: MetricsRegistry) {
    const counter = (name: string, help: string, labelNames: readonly string[] = CONFIG): Counter =>
      new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
    const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, labelNames: [...CONFIG], registers: [registry] });
    const histogram = (name: string, help: string): Histogram =>
      new Histogram({ name, help, labelNames: [...CONFIG], buckets: SECONDS, registers: [registry] });

    this.packets = counter('wol_packets_total', 'Events received from agents, duplicates included.');
    this.answers = counter('wol_events_total', 'Answers to events by their status.', ['config', 'result']);
    this.started = counter('wol_vm_started_total', 'Starts that KubeVirt accepted.');
    this.unpaused = counter('wol_vm_unpaused_total', 'Virtual machines that were unpaused.');
    this.unconfirmed = counter('wol_wake_unconfirmed_total', 'Accepted starts that showed no effect within 30 s.');
    this.errors = counter('wol_errors_total', 'Wakes that ended in an error, once a wake.', ['config', 'reason']);
    this.rateLimited = counter('wol_rate_limited_total', 'Wakes given up because no rate token came in time.');
    this.clockSkew = counter('wol_clock_skew_total', 'Events whose agent has a clock ahead of this one; their latency counts as 0.', []);
    this.startLatency = histogram('wol_start_latency_seconds', 'From the packet at the agent to the start being accepted.');
    this.dispatchLatency = histogram(
      'wol_dispatch_latency_seconds',
      'From the packet at the agent to the start call being sent, for wakes that did not wait.',
    );
    this.managedVms = gauge('wol_managed_vms', 'Virtual machines that a packet can wake.');
    this.managedMacs = gauge('wol_managed_macs', 'Addresses that wake a virtual machine.');
    this.unwakeableVms = gauge('wol_unwakeable_vms', 'Virtual machines in scope that no address wakes.');
    this.conflicts = gauge('wol_mac_conflicts', 'Addresses that several virtual machines claim.');
  }

  count(notification: WakeNotification): void {
    switch (notification.kind) {
      case 'packet':
        this.packets.inc(this.label(notification.config));
        if (notification.clockSkew) this.clockSkew.inc();
        break;
      case 'answered':
        this.countWith(this.answers, { ...this.label(notification.config), result: notification.status.toLowerCase() });
        break;
      case 'started':
        this.started.inc(this.label(notification.facts.config));
        this.startLatency.observe(this.label(notification.facts.config), notification.latencyMs / 1_000);
        break;
      case 'unpaused':
        this.unpaused.inc(this.label(notification.facts.config));
        break;
      case 'not-confirmed':
        this.unconfirmed.inc(this.label(notification.facts.config));
        break;
      case 'dispatched':
        this.dispatchLatency.observe(this.label(notification.facts.config), notification.latencyMs / 1_000);
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

  /** What the wake map counts for a config that exists. */
  setCounts(config: string, { managedVms, managedMacs, unwakeableVms, conflicts }: ConfigCounts): void {
    if (!this.configs.has(config)) this.configs.set(config, new Map());
    this.managedVms.set({ config }, managedVms);
    this.managedMacs.set({ config }, managedMacs);
    this.unwakeableVms.set({ config }, unwakeableVms);
    this.conflicts.set({ config }, conflicts);
  }

  /** Series of a config that is gone disappear; a wake of it that is still under way counts without a config. */
  forget(config: string): void {
    for (const { of, labels } of this.configs.get(config)?.values() ?? []) of.remove(labels);
    this.configs.delete(config);
    const gauges = [this.managedVms, this.managedMacs, this.unwakeableVms, this.conflicts];
    const counters = [this.packets, this.started, this.unpaused, this.unconfirmed, this.rateLimited];
    for (const metric of [...gauges, ...counters, this.startLatency, this.dispatchLatency]) metric.remove({ config });
  }

  private label(config: string): { config: string } {
    return { config: this.configs.has(config) ? config : '' };
  }

  private countError(config: string, reason: string): void {
    const labels = this.label(config);
    this.countWith(this.errors, { ...labels, reason });
    if (reason === 'RateLimited') this.rateLimited.inc(labels);
  }

  private countWith(of: Counter, labels: { config: string } & Labels): void {
    of.inc(labels);
    this.configs.get(labels.config)?.set(`${labels.reason} ${labels.result}`, { of, labels });
  }
}
