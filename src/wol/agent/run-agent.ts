/**
 * An agent, from start to exit code.
 *
 * Owns: putting the parts together, start order and shutdown. Never: ends the process.
 * Invariant: when `runAgent` has resolved, no socket, timer or connection of it is left.
 */
import { type Clock, type Logger, sleep } from '../../framework/basics';
import type { AgentStatus } from '../protocol/generated/wol-descriptor';
import { timestampFromMs } from '../protocol/timestamp';
import type { Outgoing } from '../protocol/wire';
import { OPEN_CREDENTIALS } from './agent-credentials';
import { AgentMetrics } from './agent-metrics';
import type { AgentOptions } from './agent-options';
import { AgentProblemBoard } from './agent-problems';
import { portChecks, portStatuses } from './agent-status';
import { CredentialFiles } from './credential-files';
import { Delivery, type ReportEvent } from './delivery';
import { DeliveryQueue } from './delivery-queue';
import { DuplicateFilter } from './duplicate-filter';
import { HealthEndpoint, type ReadinessCheck } from './health-endpoint';
import { readInterfaces } from './interfaces';
import { KernelDrops } from './kernel-drops';
import { PacketIntake } from './packet-intake';
import { PacketLog } from './packet-log';
import { loadPacketSockets } from './raw/packet-socket';
import { RawReception } from './raw/raw-reception';
import { GrpcReportConnector } from './report-session';
import { SourceLimiter } from './source-limiter';
import { type AgentStatusSource, StatusReports } from './status-reports';
import { UdpReception } from './udp-reception';

/** How long a start without any bound port may last, in milliseconds. */
const BIND_DEADLINE_MS = 3_000;
/** How long what is queued may still be delivered during shutdown, in milliseconds: the whole exit takes less than 2 s. */
const FLUSH_MS = 1_500;
/** Ready without a manager for this long, in milliseconds, after start and after the connection was lost. */
const MANAGER_GRACE_MS = 60_000;
/** Pause between two looks at what the kernel dropped and at the interfaces, in milliseconds. */
const KERNEL_INTERVAL_MS = 10_000;
/** Pause between two looks at whether anything happens, in milliseconds. */
const QUIET_INTERVAL_MS = 1_000;
/** Packets that leave something behind worth tidying up. */
const MANY_PACKETS = 500;
/** How long an agent that gives up waits for the news of it to reach a manager, in milliseconds. */
const LAST_NEWS_MS = 1_500;

export interface AgentDependencies {
  clock: Clock;
  logger: Logger;
  /** Asks the agent to end: SIGTERM or SIGINT. */
  signal: AbortSignal;
  /** Of the product, shown in wol_agent_info. */
  version: string;
  /** Called once nothing has come for some seconds, after the start and after each time when much did: a time to tidy up. */
  onQuiet?: () => void;
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
  private readonly raw: RawReception | undefined;
  private readonly health: HealthEndpoint | undefined;
  private readonly kernelDrops = new KernelDrops();
  private readonly queue: DeliveryQueue<ReportEvent>;
  private readonly duplicates: DuplicateFilter;
  /** For whoever reports to the manager what does not work here. */
  readonly problems: AgentProblemBoard;
  /** Ends every wait of this agent, whatever the reason for its end is. */
  private readonly ending = new AbortController();
  private readonly startedAtMs: number;
  private readonly startedAt: number;
  private healthError = '';
  private packetsSinceTidy = MANY_PACKETS;
  private lastPacketAtMs: number;

  constructor(
    private readonly options: AgentOptions,
    private readonly deps: AgentDependencies,
  ) {
    const { clock, logger } = deps;
    this.startedAtMs = clock.monotonicMs();
    this.lastPacketAtMs = this.startedAtMs;
    this.startedAt = clock.now();
    this.duplicates = new DuplicateFilter({ windowMs: options.dedupWindowMs, onEvicted: () => this.metrics.dedupeEvictions.inc() }, clock);
    this.queue = new DeliveryQueue<ReportEvent>(
      {
        capacity: options.queueSize,
        onExpired: () => this.metrics.countDropped('expired'),
        onDisplaced: (event, sender) => {
          this.metrics.countDropped('full');
          intake.displaced(event, sender);
        },
      },
      clock,
    );
    this.metrics = this.createMetrics();
    this.log = new PacketLog(logger, clock);
    this.delivery = this.createDelivery();
    const intake = this.createIntake();
    const onChange = (): void => void this.problems.check();
    this.reception = new UdpReception({ ports: options.ports, onDatagram: intake.datagram.bind(intake), onChange, clock, logger });
    const onFrame = intake.frame.bind(intake);
    this.raw = options.rawEthernet ? new RawReception({ load: loadPacketSockets, onFrame, onChange, logger }) : undefined;
    this.health = this.createHealth();
    this.problems = new AgentProblemBoard(() => this.status());
  }

  /** @returns why it ended, as an exit code. */
  async run(): Promise<number> {
    const { signal, logger } = this.deps;
    if (signal.aborted) return 0;
    const stopped = new Promise<number>((resolve) => signal.addEventListener('abort', () => resolve(0), { once: true }));
    // Never waited for by themselves: each ends with the agent.
    const reception = this.receive();
    this.delivery.start();
    void this.repeat(KERNEL_INTERVAL_MS, () => this.readKernelDrops());
    void this.repeat(KERNEL_INTERVAL_MS, () => this.followInterfaces());
    void this.repeat(QUIET_INTERVAL_MS, () => this.tidyUp());
    const { nodeName: node, ports, operatorAddress: operator, rawEthernet } = this.options;
    logger.info('agent started', { node, ports, operator, rawEthernet });
    return Promise.race([stopped, reception, this.serveHealth()]);
  }

  async shutdown(): Promise<void> {
    this.ending.abort();
    this.reception.close();
    this.raw?.close();
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
    await this.tellLastNews();
    return 1;
  }

  /** Resolves only when the health address cannot be had. */
  private async serveHealth(): Promise<number> {
    try {
      await this.health?.listen(this.ending.signal);
    } catch (error) {
      if (!this.ending.signal.aborted) {
        this.healthError = (error as Error).message;
        this.deps.logger.error('health endpoint cannot be served', { cause: this.healthError });
        await this.tellLastNews();
        return 1;
      }
    }
    return never();
  }

  /** A manager should know why before the agent is gone. */
  private async tellLastNews(): Promise<void> {
    await Promise.race([this.problems.check(), this.pause(LAST_NEWS_MS)]);
  }

  private async repeat(intervalMs: number, look: () => Promise<void> | void): Promise<void> {
    while (!this.ending.signal.aborted) {
      await look();
      await this.pause(intervalMs);
    }
  }

  private tidyUp(): void {
    const quietMs = this.deps.clock.monotonicMs() - this.lastPacketAtMs;
    // By then the duplicate filter has nothing left to remember.
    if (quietMs <= this.options.dedupWindowMs + QUIET_INTERVAL_MS || this.queue.size > 0) return;
    if (this.packetsSinceTidy < MANY_PACKETS) return;
    this.packetsSinceTidy = 0;
    this.duplicates.forgetExpired();
    this.deps.onQuiet?.();
  }

  private async readKernelDrops(): Promise<void> {
    const fresh = await this.kernelDrops.read(this.options.ports);
    for (const { port, family, drops } of fresh) this.metrics.addKernelDrops(port, family, drops);
    if (this.raw !== undefined) this.metrics.addKernelDrops(0, 'ethernet', this.raw.takeDrops());
  }

  private async followInterfaces(): Promise<void> {
    const interfaces = await readInterfaces();
    if (this.ending.signal.aborted) return;
    await Promise.all([this.reception.follow(interfaces), this.raw?.follow(interfaces)]);
  }

  private status(): Outgoing<AgentStatus> {
    return {
      nodeName: this.options.nodeName,
      configName: this.options.configName,
      version: this.deps.version,
      ports: portStatuses(this.reception.ports),
      rawInterfaces: this.raw?.interfaces ?? [],
      rawError: this.raw?.problem ?? '',
      queueLength: this.queue.size,
      eventsDropped: this.metrics.eventsDropped,
      kernelDrops: this.metrics.kernelDropTotal,
      startedAt: timestampFromMs(this.startedAt),
      healthError: this.healthError,
    };
  }

  /** Ends early, without an error, when the agent does. */
  private pause(delayMs: number): Promise<void> {
    return sleep(this.deps.clock, delayMs, this.ending.signal).catch(() => undefined);
  }

  private createMetrics(): AgentMetrics {
    const { nodeName, ports, operatorAddress, configName } = this.options;
    const identity = { node: nodeName, ports, operator: operatorAddress, version: this.deps.version, config: configName };
    return new AgentMetrics(identity, {
      dedupeCacheSize: () => this.duplicates.size,
      queueDepth: () => this.queue.size,
      rawInterfaces: () => this.raw?.interfaces.length ?? 0,
      ports: () =>
        this.reception.ports
          .filter(({ state }) => state.kind !== 'absent')
          .map(({ port, family, state }) => ({
            port,
            family,
            bound: state.kind === 'bound',
            receiveBufferBytes: state.kind === 'bound' ? state.receiveBufferBytes : 0,
          })),
    });
  }

  private createDelivery(): Delivery {
    const { clock, logger } = this.deps;
    const { metrics } = this;
    return new Delivery({
      connector: this.createConnector(),
      queue: this.queue,
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
    const { operatorAddress: address, credentials: paths } = this.options;
    const { clock, logger } = this.deps;
    const source: AgentStatusSource = {
      status: () => this.problems.status(),
      onChange: (listener) => this.problems.onChange(listener),
    };
    return new GrpcReportConnector({
      address,
      credentials: paths === undefined ? OPEN_CREDENTIALS : new CredentialFiles(paths, address, clock),
      statuses: new StatusReports({ source, clock, logger }),
    });
  }

  private createIntake(): PacketIntake {
    const { metrics, delivery } = this;
    return new PacketIntake({
      nodeName: this.options.nodeName,
      configName: this.options.configName,
      clock: this.deps.clock,
      duplicates: this.duplicates,
      limiter: new SourceLimiter(this.deps.clock),
      queue: this.queue,
      deliver: (event, sender, isOverShare) => void delivery.offer(event, sender, isOverShare),
      count: (transport, result) => {
        this.packetsSinceTidy++;
        this.lastPacketAtMs = this.deps.clock.monotonicMs();
        metrics.countPacket(transport, result);
      },
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
    return [...portChecks(this.reception.ports), { name: 'manager', problem: manager }];
  }
}

/** For parts that end with the agent: what they resolve to decides nothing. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}
