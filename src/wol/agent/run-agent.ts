/**
 * An agent, from start to exit code.
 *
 * Owns: putting the parts together, start order and shutdown. Never: ends the process.
 * Invariant: when `runAgent` has resolved, no socket, timer or connection of it is left.
 */
import { type Clock, type Logger, sleep } from '../../framework/basics';
import { OPEN_CREDENTIALS } from './agent-credentials';
import { AgentMetrics } from './agent-metrics';
import type { AgentOptions } from './agent-options';
import { CredentialFiles } from './credential-files';
import { Delivery, type ReportEvent } from './delivery';
import { DeliveryQueue } from './delivery-queue';
import { DuplicateFilter } from './duplicate-filter';
import { HealthEndpoint, type ReadinessCheck } from './health-endpoint';
import { KernelDrops } from './kernel-drops';
import { PacketIntake } from './packet-intake';
import { PacketLog } from './packet-log';
import { GrpcReportConnector } from './report-session';
import { SourceLimiter } from './source-limiter';
import { StatusReports } from './status-reports';
import { UdpReception } from './udp-reception';

/** How long a start without any bound port may last, in milliseconds. */
const BIND_DEADLINE_MS = 3_000;
/** How long what is queued may still be delivered during shutdown, in milliseconds: the whole exit takes less than 2 s. */
const FLUSH_MS = 1_500;
/** Ready without a manager for this long, in milliseconds, after start and after the connection was lost. */
const MANAGER_GRACE_MS = 60_000;
const KERNEL_DROPS_INTERVAL_MS = 10_000;

export interface AgentDependencies {
  clock: Clock;
  logger: Logger;
  /** Asks the agent to end: SIGTERM or SIGINT. */
  signal: AbortSignal;
  /** Of the product, shown in wol_agent_info. */
  version: string;
}

/** Runs an agent until `signal` aborts. @returns the exit code: 0 after a shutdown, 1 when it cannot do its work. */
export async function runAgent(options: AgentOptions, deps: AgentDependencies): Promise<number> {
  const agent = new Agent(options, deps);
  const code = await agent.run();
  await agent.shutdown();
  return code;
}

class Agent {
  private readonly metrics: AgentMetrics;
  private readonly log: PacketLog;
  private readonly delivery: Delivery;
  private readonly reception: UdpReception;
  private readonly health: HealthEndpoint | undefined;
  private readonly kernelDrops = new KernelDrops();
  /** Ends every wait of this agent, whatever the reason for its end is. */
  private readonly ending = new AbortController();
  private readonly startedAtMs: number;

  constructor(
    private readonly options: AgentOptions,
    private readonly deps: AgentDependencies,
  ) {
    const { clock, logger } = deps;
    this.startedAtMs = clock.monotonicMs();
    const duplicates = new DuplicateFilter({ windowMs: options.dedupWindowMs, onEvicted: () => this.metrics.dedupeEvictions.inc() }, clock);
    const queue = new DeliveryQueue<ReportEvent>(
      { capacity: options.queueSize, onExpired: () => this.metrics.countDropped('expired') },
      clock,
    );
    this.metrics = this.createMetrics(duplicates, queue);
    this.log = new PacketLog(logger, clock);
    this.delivery = this.createDelivery(queue);
    const intake = this.createIntake(duplicates);
    this.reception = new UdpReception({ ports: options.ports, onDatagram: intake.datagram.bind(intake), clock, logger });
    this.health = this.createHealth();
  }

  /** @returns why it ended, as an exit code. */
  async run(): Promise<number> {
    const { signal, logger } = this.deps;
    if (signal.aborted) return 0;
    const stopped = new Promise<number>((resolve) => signal.addEventListener('abort', () => resolve(0), { once: true }));
    // Never waited for by themselves: each ends with the agent.
    const reception = this.receive();
    this.delivery.start();
    void this.watchKernelDrops();
    logger.info('agent started', { node: this.options.nodeName, ports: this.options.ports, operator: this.options.operatorAddress });
    return Promise.race([stopped, reception, this.serveHealth()]);
  }

  async shutdown(): Promise<void> {
    this.ending.abort();
    this.reception.close();
    await this.delivery.stop(FLUSH_MS);
    this.health?.close();
    this.log.close();
    this.deps.logger.info('agent stopped');
  }

  /** Resolves only when no port can be bound. */
  private async receive(): Promise<number> {
    const { clock, logger } = this.deps;
    await this.reception.start();
    await this.pause(BIND_DEADLINE_MS - (clock.monotonicMs() - this.startedAtMs));
    if (this.reception.anyBound || this.ending.signal.aborted) return never();
    logger.error('no UDP port could be bound', { problems: this.reception.problems() });
    return 1;
  }

  /** Resolves only when the health address cannot be had. */
  private async serveHealth(): Promise<number> {
    try {
      await this.health?.listen(this.ending.signal);
    } catch (error) {
      if (!this.ending.signal.aborted) {
        this.deps.logger.error('health endpoint cannot be served', { cause: (error as Error).message });
        return 1;
      }
    }
    return never();
  }

  private async watchKernelDrops(): Promise<void> {
    while (!this.ending.signal.aborted) {
      for (const [port, drops] of await this.kernelDrops.read(this.options.ports)) this.metrics.addKernelDrops(port, drops);
      await this.pause(KERNEL_DROPS_INTERVAL_MS);
    }
  }

  /** Ends early, without an error, when the agent does. */
  private pause(delayMs: number): Promise<void> {
    return sleep(this.deps.clock, delayMs, this.ending.signal).catch(() => undefined);
  }

  private createMetrics(duplicates: DuplicateFilter, queue: DeliveryQueue<ReportEvent>): AgentMetrics {
    const { nodeName, ports, operatorAddress, configName } = this.options;
    const identity = { node: nodeName, ports, operator: operatorAddress, version: this.deps.version, config: configName };
    return new AgentMetrics(identity, {
      dedupeCacheSize: () => duplicates.size,
      queueDepth: () => queue.size,
      ports: () =>
        this.reception.ports.map(({ port, state }) => ({
          port,
          bound: state.kind === 'bound',
          receiveBufferBytes: state.kind === 'bound' ? state.receiveBufferBytes : 0,
        })),
    });
  }

  private createDelivery(queue: DeliveryQueue<ReportEvent>): Delivery {
    const { clock, logger } = this.deps;
    const { metrics } = this;
    return new Delivery({
      connector: this.createConnector(),
      queue,
      clock,
      logger,
      observer: {
        connected(isReconnect) {
          metrics.connected.set(1);
          if (isReconnect) metrics.reconnects.inc();
        },
        disconnected: () => metrics.connected.set(0),
        reported(status, seconds) {
          metrics.reports.inc({ status });
          if (status !== 'transport_error') metrics.reportSeconds.observe(seconds);
        },
        rejected: () => metrics.countDropped('rejected'),
      },
    });
  }

  private createConnector(): GrpcReportConnector {
    const { operatorAddress: address, credentials: paths, nodeName, configName } = this.options;
    const { clock, logger, version } = this.deps;
    const source = { status: () => ({ nodeName, configName, version }), onChange: () => () => undefined };
    return new GrpcReportConnector({
      address,
      credentials: paths === undefined ? OPEN_CREDENTIALS : new CredentialFiles(paths, address, clock),
      statuses: new StatusReports({ source, clock, logger }),
    });
  }

  private createIntake(duplicates: DuplicateFilter): PacketIntake {
    const { metrics, delivery } = this;
    return new PacketIntake({
      nodeName: this.options.nodeName,
      configName: this.options.configName,
      clock: this.deps.clock,
      duplicates,
      limiter: new SourceLimiter(this.deps.clock),
      deliver: (event) => delivery.offer(event),
      count: (result) => metrics.countPacket(result),
      log: this.log,
    });
  }

  private createHealth(): HealthEndpoint | undefined {
    const { healthAddress: address } = this.options;
    if (address === undefined) return undefined;
    const { clock, logger } = this.deps;
    return new HealthEndpoint({ address, checks: this.readinessChecks(), metrics: this.metrics, clock, logger });
  }

  private readinessChecks(): ReadinessCheck[] {
    const { clock } = this.deps;
    const manager = (): string | undefined => {
      const idleMs = clock.monotonicMs() - (this.delivery.lastConnectedAtMs ?? this.startedAtMs);
      return idleMs <= MANAGER_GRACE_MS
        ? undefined
        : `${this.options.operatorAddress} was not connected for ${Math.floor(idleMs / 1_000)} s`;
    };
    const ports = this.reception.ports.map(({ port }, index) => ({
      name: `udp4 port ${port}`,
      problem: () => {
        const { state } = this.reception.ports[index] as (typeof this.reception.ports)[number];
        return state.kind === 'bound' ? undefined : state.cause;
      },
    }));
    return [...ports, { name: 'manager', problem: manager }];
  }
}

/** For parts that end with the agent: what they resolve to decides nothing. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}
