/**
 * Takes reports of agents over gRPC, on every replica.
 *
 * Owns: the server's life, and who it listens to. Never: looks into an event; the waker does.
 */
import { ServerCredentials, status } from '@grpc/grpc-js';
import {
  CLOCK,
  type Clock,
  Handler,
  inject,
  isOperatorError,
  KubeClient,
  ListenError,
  LOGGER,
  type Logger,
  OnShutdown,
  OnStartup,
  Probe,
} from '../../framework';
import { PausedInstance, StartableVirtualMachine } from '../../kubevirt/subresource-calls';
import { AgentGate } from '../identity/agent-gate';
import { TokenReviewer } from '../identity/token-reviewer';
import { type CallGate, OPEN_GATE } from '../protocol/call-gate';
import type { AgentStatus, WOLEvent, WOLEventResponse } from '../protocol/generated/wol-descriptor';
import { RpcStatusError } from '../protocol/rpc-status-error';
import { createWolServer, type WolServer } from '../protocol/wol-server';
import { GRPC_ADDRESS_FLAG, WOL_SETTINGS, type WolSettings } from '../settings';
import { AgentAccount } from '../trust/agent-account';
import { WolConfig } from '../wol-config';
import { AgentProblems } from './agent-problems';
import { boundedStatus } from './agent-status-bounds';
import { GrpcCertificate } from './grpc-certificate';
import { GrpcMetrics } from './grpc-metrics';
import { responseOf, wakeEventOf } from './wake-translation';
import { WolRuntime } from './wol-runtime';

/** Wakes in flight may finish for this long at shutdown; agents repeat the rest. */
const FINISH_MS = 5_000;
/** How often health answers follow the readiness of the wake map. */
const READINESS_POLL_MS = 100;

@Handler({
  rbac: [
    { kind: StartableVirtualMachine, subresource: 'start', verbs: ['update'], why: 'a packet starts a virtual machine' },
    { kind: PausedInstance, subresource: 'unpause', verbs: ['update'], why: 'spec.unpause of a WolConfig' },
    { kind: WolConfig, subresource: 'status', verbs: ['patch'], why: 'lastWake and agentProblems' },
  ],
})
export class WakeServer {
  private readonly server: WolServer;
  private port: number | undefined;
  private following: { cancel(): void } | undefined;

  constructor(
    private readonly wol: WolRuntime,
    private readonly certificate: GrpcCertificate,
    private readonly metrics: GrpcMetrics,
    private readonly account: AgentAccount,
    private readonly problems: AgentProblems,
    client: KubeClient,
    @inject(WOL_SETTINGS) private readonly settings: WolSettings,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
  ) {
    this.server = createWolServer({
      bindAddress: settings.grpcBindAddress,
      credentials: settings.grpc.insecure ? ServerCredentials.createInsecure() : certificate.credentials,
      gate: settings.grpc.insecure ? OPEN_GATE : this.gate(client),
      service: {
        reportEvent: (event) => this.answer(event),
        reportStatus: (agent) => this.takeNote(agent),
      },
      onClosed: (reason) => metrics.countClosed(reason),
      logger,
      clock,
    });
    metrics.measure({
      openStreams: () => this.server.openStreams,
      openConnections: () => this.server.openConnections,
      expiries: () => certificate.expiries(),
    });
  }

  @OnStartup()
  async open(): Promise<void> {
    if (!this.settings.grpc.insecure) await this.certificate.start();
    this.port = await this.listen();
    const where = { address: this.settings.grpcBindAddress, port: this.port };
    if (this.settings.grpc.insecure) this.logger.warn('gRPC is served in plaintext and to anybody', where);
    else this.logger.info('gRPC is served over TLS', { ...where, mode: this.settings.grpc.tlsMode, mtls: this.settings.grpc.mtls });
    this.followReadiness();
  }

  @OnShutdown({ timeoutMs: 2 * FINISH_MS })
  async close(): Promise<void> {
    this.following?.cancel();
    this.certificate.stop();
    this.server.setServing(false);
    await Promise.all([this.wol.waker.close(FINISH_MS), this.server.shutdown()]);
  }

  @Probe('grpc')
  async listening(): Promise<string> {
    const { grpc } = this.settings;
    if (this.port === undefined) throw new Error('not listening yet');
    const problem = grpc.insecure ? undefined : await this.certificate.problem();
    if (problem !== undefined) throw new Error(problem);
    if (!this.wol.isReady()) throw new Error('the wake map is not complete yet');
    const how = grpc.insecure ? 'plaintext without identity (--grpc-insecure)' : `TLS${grpc.mtls ? ' with client certificates' : ''}`;
    return `port ${this.port}, ${how}`;
  }

  private gate(client: KubeClient): CallGate {
    const { grpc } = this.settings;
    const { clock, logger: log, metrics } = this;
    return new AgentGate({
      reviewer: new TokenReviewer({ client, clock, log }),
      agentUser: () => this.account.user,
      mtls: grpc.mtls,
      clock,
      log,
      onRefused: (reason) => metrics.countRefusal(reason),
    });
  }

  private async listen(): Promise<number> {
    try {
      return await this.server.start();
    } catch (error) {
      throw new ListenError(GRPC_ADDRESS_FLAG, this.settings.grpcBindAddress, error);
    }
  }

  private async answer(event: WOLEvent): Promise<WOLEventResponse> {
    try {
      return responseOf(await this.wol.waker.wake(wakeEventOf(event)));
    } catch (error) {
      if (isOperatorError(error, 'WAKE_MAP_NOT_READY')) throw new RpcStatusError(status.UNAVAILABLE, error.message, error);
      throw error;
    }
  }

  private async takeNote(agent: AgentStatus): Promise<Record<string, never>> {
    const status = boundedStatus(agent);
    this.metrics.agents.report(status);
    await this.problems.report(status);
    return {};
  }

  private followReadiness(): void {
    const isReady = this.wol.isReady();
    this.server.setServing(isReady);
    if (!isReady) this.following = this.clock.setTimer(READINESS_POLL_MS, () => this.followReadiness());
  }
}
