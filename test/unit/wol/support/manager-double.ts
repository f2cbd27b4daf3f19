/** A manager that records events, on a real gRPC server that can be killed and started again on its port. */
import { ServerCredentials } from '@grpc/grpc-js';
import { nullLogger } from '../../../../src/framework';
import { type CallGate, OPEN_GATE } from '../../../../src/wol/protocol/call-gate';
import {
  type AgentStatus,
  ResponseStatus,
  type WOLEvent,
  type WOLEventResponse,
} from '../../../../src/wol/protocol/generated/wol-descriptor';
import type { Outgoing } from '../../../../src/wol/protocol/wire';
import { createWolServer, type WolServer } from '../../../../src/wol/protocol/wol-server';

export class ManagerDouble {
  readonly events: WOLEvent[] = [];
  /** What an event is answered with; may be replaced. */
  answer: (event: WOLEvent) => Promise<Outgoing<WOLEventResponse>> = async () => ({ status: ResponseStatus.VM_START_INITIATED });
  readonly statuses: AgentStatus[] = [];
  private server: WolServer | undefined;
  port = 0;

  /** @param host address of this machine to serve on. */
  constructor(
    private readonly host = '127.0.0.1',
    private readonly credentials: ServerCredentials = ServerCredentials.createInsecure(),
    private readonly gate: CallGate = OPEN_GATE,
  ) {}

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  get isUp(): boolean {
    return this.server !== undefined;
  }

  async start({ serving = true } = {}): Promise<void> {
    this.server = createWolServer({
      bindAddress: this.address,
      credentials: this.credentials,
      logger: nullLogger,
      gate: this.gate,
      service: {
        reportStatus: async (status) => {
          this.statuses.push(status);
          return {};
        },
        reportEvent: async (event) => {
          this.events.push(event);
          return this.answer(event);
        },
      },
    });
    this.port = await this.server.start();
    this.server.setServing(serving);
  }

  setServing(serving: boolean): void {
    this.server?.setServing(serving);
  }

  async stop(): Promise<void> {
    await this.server?.shutdown();
    this.server = undefined;
  }

  macs(): string[] {
    return this.events.map(({ macAddress }) => macAddress);
  }
}
