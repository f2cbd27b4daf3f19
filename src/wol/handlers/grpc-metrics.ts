/**
 * Metrics of the connection between agents and manager.
 *
 * Owns: names and labels. Invariant: labels are closed lists, or names of configs that exist, so that the network cannot make series.
 */
import { Counter, Gauge } from 'prom-client';
import { CLOCK, type Clock, Cluster, inject, MetricsRegistry, singleton } from '../../framework';
import type { RefusalReason } from '../identity/agent-gate';
import { AgentStatuses, type AgentTotals } from '../manager/agent-statuses';
import { CLOSING_REASONS, type ClosingReason } from '../protocol/connections';
import { WOL_SETTINGS, type WolSettings } from '../settings';
import { WolConfig } from '../wol-config';

const REASONS: readonly RefusalReason[] = ['no_token', 'invalid', 'expired', 'audience', 'account', 'node', 'certificate'];

/** What is measured when somebody looks. */
export interface GrpcSources {
  openStreams(): number;
  /** Those of agents, and those on which nobody has proven to be one. */
  openConnections(): { readonly agents: number; readonly guests: number };
  /** When each certificate expires, in milliseconds since 1970. */
  expiries(): { readonly ca: number | undefined; readonly server: number | undefined };
}

@singleton()
export class GrpcMetrics {
  readonly agents: AgentStatuses;
  private readonly refused: Counter<'reason'>;
  private readonly closed: Counter<'reason'>;

  constructor(
    private readonly registry: MetricsRegistry,
    private readonly cluster: Cluster,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(WOL_SETTINGS) settings: WolSettings,
  ) {
    this.agents = new AgentStatuses(clock);
    const registers = [registry];
    this.refused = new Counter({
      name: 'wol_grpc_auth_failures_total',
      help: 'Reports that were refused because of who sent them.',
      labelNames: ['reason'],
      registers,
    });
    for (const reason of REASONS) this.refused.inc({ reason }, 0);
    this.closed = new Counter({
      name: 'wol_grpc_connections_closed_total',
      help: 'Connections to the gRPC port that were closed because of a limit.',
      labelNames: ['reason'],
      registers,
    });
    for (const reason of CLOSING_REASONS) this.closed.inc({ reason }, 0);
    const insecure = new Gauge({
      name: 'wol_grpc_insecure',
      help: '1 while reports are taken in plaintext and from anybody.',
      registers,
    });
    insecure.set(settings.grpc.insecure ? 1 : 0);
    this.measureAgents();
  }

  countRefusal(reason: RefusalReason): void {
    this.refused.inc({ reason });
  }

  countClosed(reason: ClosingReason): void {
    this.closed.inc({ reason });
  }

  /** To be called once. */
  measure({ openStreams, openConnections, expiries }: GrpcSources): void {
    const { clock } = this;
    const registers = [this.registry];
    new Gauge({
      name: 'wol_grpc_streams',
      help: 'Event streams of agents that are open.',
      registers,
      collect() {
        this.set(openStreams());
      },
    });
    new Gauge({
      name: 'wol_grpc_connections',
      help: 'Connections to the gRPC port: of agents, and of guests, who have not proven to be one.',
      labelNames: ['of'],
      registers,
      collect() {
        for (const [of, count] of Object.entries(openConnections())) this.set({ of }, count);
      },
    });
    new Gauge({
      name: 'wol_grpc_certificate_expiry_seconds',
      help: 'Time until the certificate that agents verify expires, and until its authority does.',
      labelNames: ['which'],
      registers,
      collect() {
        for (const [which, expiresAtMs] of Object.entries(expiries())) {
          if (expiresAtMs === undefined) this.remove({ which });
          else this.set({ which }, (expiresAtMs - clock.now()) / 1_000);
        }
      },
    });
  }

  private measureAgents(): void {
    const registers = [this.registry];
    const labelNames = ['config'] as const;
    const each = (gauge: Gauge<'config'>, read: (totals: AgentTotals) => number): void => {
      const totals = this.agents.totals();
      gauge.reset();
      for (const { metadata } of this.cluster.store(WolConfig).list()) {
        const config = metadata?.name ?? '';
        gauge.set({ config }, read(totals.get(config) ?? { agents: 0, kernelDrops: 0 }));
      }
    };
    new Gauge({
      name: 'wol_agents_connected',
      help: 'Agents that report to this replica.',
      labelNames,
      registers,
      collect() {
        each(this, ({ agents }) => agents);
      },
    });
    new Gauge({
      name: 'wol_agent_kernel_drops_reported',
      help: 'Datagrams that the kernels under these agents dropped since the agents started.',
      labelNames,
      registers,
      collect() {
        each(this, ({ kernelDrops }) => kernelDrops);
      },
    });
  }
}
