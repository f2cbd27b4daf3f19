/**
 * Takes reports of agents over gRPC, on every replica.
 *
 * Owns: the server's life. Never: looks into an event; the waker does.
 */
import { ServerCredentials, status } from '@grpc/grpc-js';
import {
  CLOCK,
  type Clock,
  Handler,
  inject,
  isOperatorError,
  ListenError,
  LOGGER,
  type Logger,
  OnShutdown,
  OnStartup,
  Probe,
} from '../../framework';
import { PausedInstance, StartableVirtualMachine } from '../../kubevirt/subresource-calls';
import type { WOLEvent, WOLEventResponse } from '../protocol/generated/wol-descriptor';
import { RpcStatusError } from '../protocol/rpc-status-error';
import { createWolServer, type WolServer } from '../protocol/wol-server';
import { GRPC_ADDRESS_FLAG, WOL_SETTINGS, type WolSettings } from '../settings';
import { WolConfig } from '../wol-config';
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
    { kind: WolConfig, subresource: 'status', verbs: ['patch'], why: 'lastWake' },
  ],
})
export class WakeServer {
  private readonly server: WolServer;
  private port: number | undefined;
  private following: { cancel(): void } | undefined;

  constructor(
    private readonly wol: WolRuntime,
    @inject(WOL_SETTINGS) private readonly settings: WolSettings,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
  ) {
    this.server = createWolServer({
      bindAddress: settings.grpcBindAddress,
      credentials: ServerCredentials.createInsecure(),
      service: { reportEvent: (event) => this.answer(event) },
      logger,
      clock,
    });
  }

  @OnStartup()
  async open(): Promise<void> {
    this.port = await this.listen();
    this.logger.warn('gRPC is served in plaintext and to anybody', { address: this.settings.grpcBindAddress, port: this.port });
    this.followReadiness();
  }

  @OnShutdown({ timeoutMs: 2 * FINISH_MS })
  async close(): Promise<void> {
    this.following?.cancel();
    this.server.setServing(false);
    await Promise.all([this.wol.waker.close(FINISH_MS), this.server.shutdown()]);
  }

  @Probe('grpc')
  listening(): string {
    if (this.port === undefined) throw new Error('not listening yet');
    if (!this.wol.isReady()) throw new Error('the wake map is not complete yet');
    return `port ${this.port}, plaintext without identity`;
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

  private followReadiness(): void {
    const isReady = this.wol.isReady();
    this.server.setServing(isReady);
    if (!isReady) this.following = this.clock.setTimer(READINESS_POLL_MS, () => this.followReadiness());
  }
}
