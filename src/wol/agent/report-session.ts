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
import { StreamSession } from './stream-session';

export interface ReportSession {
  /**
   * Sends one event. The answer rejects with RpcStatusError when none comes. Cancelling gives up the session as a whole when
   * it is one stream.
   */
  report(event: Outgoing<WOLEvent>): PendingCall<WOLEventResponse>;
  /** Calls back once, when no more answers come. `failure` is `undefined` when the manager ended it in order. */
  onEnd(callback: (failure: RpcStatusError | undefined) => void): void;
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
  /** The last manager had no streams: the next session, and only that one, uses single calls. */
  private avoidStream = false;

  constructor(
    private readonly address: string,
    private readonly credentials: () => ChannelCredentials,
  ) {}

  async connect(signal: AbortSignal): Promise<ReportSession> {
    const client = new WolClient(this.address, this.credentials());
    try {
      await checkReadiness(client, signal);
    } catch (error) {
      client.close();
      throw error;
    }
    const unary = this.avoidStream;
    this.avoidStream = false;
    if (unary) return new UnarySession(client);
    return new StreamSession(client, () => {
      this.avoidStream = true;
    });
  }
}

async function checkReadiness(client: WolClient, signal: AbortSignal): Promise<void> {
  const check = client.healthCheck(CONNECT_TIMEOUT_MS);
  const cancel = (): void => check.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const { status: serving } = await check.response;
    if (serving === ServingStatus.NOT_SERVING) throw new RpcStatusError(status.UNAVAILABLE, 'the manager is not ready');
  } catch (error) {
    // A manager without the method is still one that takes events.
    if (!isOperatorError(error, 'RPC_STATUS') || (error as RpcStatusError).status !== status.UNIMPLEMENTED) throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** One unary call per event, for managers without streams. */
class UnarySession implements ReportSession {
  constructor(private readonly client: WolClient) {}

  report(event: Outgoing<WOLEvent>): PendingCall<WOLEventResponse> {
    return this.client.reportEvent(event);
  }

  /** Without a stream nobody can tell a connection that was to be renewed from one that broke. */
  onEnd(callback: (failure: undefined) => void): void {
    this.client.onConnectionLost(() => callback(undefined));
  }

  close(): void {
    this.client.close();
  }
}
