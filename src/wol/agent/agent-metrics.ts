/**
 * Metrics of an agent, in Prometheus' text format.
 *
 * Owns: names, labels and help texts. Never: a label taken from the network, so that the number of series is fixed.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { IpFamily } from './udp-port';

export interface AgentIdentity {
  node: string;
  ports: readonly number[];
  operator: string;
  version: string;
  config: string;
}

/** What became of a packet. */
export type PacketResult = (typeof PACKET_RESULTS)[number];
const PACKET_RESULTS = ['accepted', 'duplicate', 'malformed', 'unusable', 'limited', 'queue_full'] as const;

/** Why an event left the queue without an answer. */
export type DropReason = (typeof DROP_REASONS)[number];
const DROP_REASONS = ['full', 'expired', 'rejected'] as const;

/** Values that are read when somebody asks. */
export interface AgentGauges {
  dedupeCacheSize(): number;
  queueDepth(): number;
  rawInterfaces(): number;
  /** Every port of the agent in every family that the node has. */
  ports(): Iterable<PortFigures>;
}

export interface PortFigures {
  readonly port: number;
  readonly family: IpFamily;
  readonly bound: boolean;
  /** 0 while unbound. */
  readonly receiveBufferBytes: number;
}

/** How a packet came. */
export type TransportLabel = (typeof TRANSPORTS)[number];
const TRANSPORTS = ['udp4', 'udp6', 'ethernet'] as const;

/** Sockets that the kernel drops packets at. Frames have no port; theirs is 0. */
export type DropFamily = IpFamily | 'ethernet';

export class AgentMetrics {
  /** Events given up and packets dropped by the kernel since the start, for the manager. */
  eventsDropped = 0;
  kernelDropTotal = 0;
  private readonly registry = new Registry();
  readonly contentType = this.registry.contentType;

  private readonly packets = this.counter('wol_agent_packets_total', "Packets received on the agent's ports.", ['transport', 'result']);
  private readonly kernelDrops = this.counter('wol_agent_kernel_drops_total', 'Datagrams dropped by the kernel: receive buffer full.', [
    'port',
    'family',
  ]);
  private readonly queueDropped = this.counter('wol_agent_queue_dropped_total', 'Events given up before a manager took them.', ['reason']);
  readonly reports = this.counter('wol_agent_reports_total', 'Answers of the manager, and calls without one.', ['status']);
  readonly reconnects = this.counter('wol_agent_reconnects_total', 'Connections made after the first one.', []);
  readonly dedupeEvictions = this.counter('wol_agent_dedupe_evictions_total', 'Addresses forgotten before their window ended.', []);
  readonly connected = new Gauge({
    name: 'wol_agent_connected',
    help: '1 while a manager is connected.',
    registers: [this.registry],
  });
  readonly reportSeconds = new Histogram({
    name: 'wol_agent_report_seconds',
    help: 'Receipt of a packet to the answer of the manager.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [this.registry],
  });

  constructor({ node, ports, operator, version, config }: AgentIdentity, gauges: AgentGauges) {
    this.registry.setDefaultLabels({ node });
    new Gauge({
      name: 'wol_agent_info',
      help: 'Always 1; what the agent is.',
      labelNames: ['port', 'operator', 'version', 'config'],
      registers: [this.registry],
    }).set({ port: ports.join(','), operator, version, config }, 1);
    this.gauge('wol_agent_dedupe_cache_size', 'Pairs of address and sender whose duplicate window is open.', gauges.dedupeCacheSize);
    this.gauge('wol_agent_queue_depth', 'Events without a final answer.', gauges.queueDepth);
    this.gauge('wol_agent_raw_interfaces', 'Interfaces listened to for Ethernet frames.', gauges.rawInterfaces);
    this.portGauges(gauges);
    this.startAtZero(ports);
  }

  countPacket(transport: TransportLabel, result: PacketResult): void {
    this.packets.inc({ transport, result });
    if (result === 'queue_full') this.countDropped('full');
  }

  countDropped(reason: DropReason): void {
    this.queueDropped.inc({ reason });
    this.eventsDropped++;
  }

  /** Everything, as Prometheus wants it. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  addKernelDrops(port: number, family: DropFamily, drops: number): void {
    this.kernelDrops.inc({ port: String(port), family }, drops);
    this.kernelDropTotal += drops;
  }

  private counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  private portGauges({ ports }: AgentGauges): void {
    const gauge = (name: string, help: string, figureOf: (port: PortFigures) => number): Gauge =>
      new Gauge({
        name,
        help,
        labelNames: ['port', 'family'],
        registers: [this.registry],
        collect() {
          this.reset();
          for (const figures of ports()) this.set({ port: String(figures.port), family: figures.family }, figureOf(figures));
        },
      });
    gauge('wol_agent_port_bound', '1 while the port is bound.', ({ bound }) => (bound ? 1 : 0));
    gauge(
      'wol_agent_receive_buffer_bytes',
      'Receive buffer as the kernel reports it; Linux reports twice what it granted.',
      ({ receiveBufferBytes }) => receiveBufferBytes,
    );
  }

  /** A series that appears with its first increment would hide that increment from `rate()`. */
  private startAtZero(ports: readonly number[]): void {
    for (const transport of TRANSPORTS) for (const result of PACKET_RESULTS) this.packets.inc({ transport, result }, 0);
    for (const port of ports) for (const family of ['ipv4', 'ipv6'] as const) this.addKernelDrops(port, family, 0);
    for (const reason of DROP_REASONS) this.queueDropped.inc({ reason }, 0);
  }
}
