/**
 * A connection over which events are reported.
 *
 * Owns: the contract between delivery and transport, and its gRPC form. Never: repeats anything.
 */
import { type ChannelCredentials, status } from '@grpc/grpc-js';
import { isOperatorError } from '../../framework/basics';
import { ServingStatus, type WOLEvent, type WOLEventResponse } from '../protocol/generated/wol-descriptor';
import { RpcStatusError } from '../protocol/rpc-status-error';
import type { Outgoing } from '../protocol/wire';
import { type PendingCall, WolClient } from '../protocol/wol-client';

export interface ReportSession {
  /** Sends one event. The answer rejects with RpcStatusError when none comes. */
  report(event: Outgoing<WOLEvent>): PendingCall<WOLEventResponse>;
  /** Calls back once, when the connection is gone. */
  onLost(callback: () => void): void;
  /** Ends the connection; to be called when nothing is unanswered any more. */
  close(): void;
}

export interface ReportConnector {
  /** @throws {RpcStatusError} saying why no manager can take events now. */
  connect(signal: AbortSignal): Promise<ReportSession>;
}

/** One connection attempt may take this long, in milliseconds; the next one resolves the name again. */
const CONNECT_TIMEOUT_MS = 2_000;

/** Connects by gRPC and asks the manager whether it can resolve addresses yet. */
export class GrpcReportConnector implements ReportConnector {
  constructor(
    private readonly address: string,
    private readonly credentials: () => ChannelCredentials,
  ) {}

  async connect(signal: AbortSignal): Promise<ReportSession> {
    const client = new WolClient(this.address, this.credentials());
    const check = client.healthCheck(CONNECT_TIMEOUT_MS);
    const cancel = (): void => check.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const { status: serving } = await check.response;
      if (serving === ServingStatus.NOT_SERVING) throw new RpcStatusError(status.UNAVAILABLE, 'the manager is not ready');
    } catch (error) {
      // A manager without the method is still one that takes events.
      if (!isUnimplemented(error)) {
        client.close();
        throw error;
      }
    } finally {
      signal.removeEventListener('abort', cancel);
    }
    return new UnarySession(client);
  }
}

/** One unary call per event. */
class UnarySession implements ReportSession {
  constructor(private readonly client: WolClient) {}

  report(event: Outgoing<WOLEvent>): PendingCall<WOLEventResponse> {
    return this.client.reportEvent(event);
  }

  onLost(callback: () => void): void {
    this.client.onConnectionLost(callback);
  }

  close(): void {
    this.client.close();
  }
}

function isUnimplemented(error: unknown): boolean {
  return isOperatorError(error, 'RPC_STATUS') && (error as RpcStatusError).status === status.UNIMPLEMENTED;
}
