/**
 * A connection over which events are reported.
 *
 * Owns: the contract between delivery and transport, and its gRPC form. Never: repeats anything.
 */
import { status } from '@grpc/grpc-js';
import { isOperatorError } from '../../framework/basics';
import { ServingStatus, type WOLEvent, type WOLEventResponse } from '../protocol/generated/wol-descriptor';
import { RpcStatusError } from '../protocol/rpc-status-error';
import type { Outgoing } from '../protocol/wire';
import { type PendingCall, WolClient } from '../protocol/wol-client';
import type { CredentialSource } from './agent-credentials';
import type { StatusReports } from './status-reports';
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

/** A session that can be told to make way for a new one. */
export interface RenewableSession extends ReportSession {
  /** Says that it ended in order; answers still come. */
  retire(): void;
}

export interface ReportConnector {
  /** @throws {RpcStatusError} saying why no manager can take events now. */
  connect(signal: AbortSignal): Promise<ReportSession>;
}

/** One connection attempt may take this long, in milliseconds; the next one resolves the name again. */
const CONNECT_TIMEOUT_MS = 2_000;

export interface GrpcReportConnectorOptions {
  /** `host:port`. */
  readonly address: string;
  readonly credentials: CredentialSource;
  readonly statuses: StatusReports;
  /** For one attempt, in milliseconds of the machine's clock. @default 2000 */
  readonly connectTimeoutMs?: number;
}

/** Connects by gRPC, asks the manager whether it can resolve addresses yet, and whether it takes reports of this agent. */
export class GrpcReportConnector implements ReportConnector {
  /** The last manager had no streams: the next session, and only that one, uses single calls. */
  private avoidStream = false;

  constructor(private readonly options: GrpcReportConnectorOptions) {}

  async connect(signal: AbortSignal): Promise<ReportSession> {
    const { address, credentials, statuses, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.options;
    const { channel, ...options } = await credentials.load();
    const client = new WolClient(address, channel, options);
    try {
      await checkReadiness(client, connectTimeoutMs, signal);
      const takesStatuses = await statuses.announce(client, signal);
      return this.follow(this.open(client), client, takesStatuses);
    } catch (error) {
      client.close();
      throw error;
    }
  }

  private open(client: WolClient): RenewableSession {
    const unary = this.avoidStream;
    this.avoidStream = false;
    if (unary) return new UnarySession(client);
    return new StreamSession(client, () => {
      this.avoidStream = true;
    });
  }

  /** As long as the session lives, changes go to the manager, and other credentials make way for a new session. */
  private follow(session: RenewableSession, client: WolClient, takesStatuses: boolean): ReportSession {
    const { credentials, statuses } = this.options;
    const ends = [credentials.onChange(() => session.retire()), ...(takesStatuses ? [statuses.follow(client)] : [])];
    session.onEnd(() => {
      for (const end of ends) end();
    });
    return session;
  }
}

async function checkReadiness(client: WolClient, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const check = client.healthCheck(timeoutMs);
  const cancel = (): void => check.cancel();
  if (signal.aborted) cancel();
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
class UnarySession implements RenewableSession {
  private readonly endListeners: (() => void)[] = [];
  private isOver = false;

  constructor(private readonly client: WolClient) {
    // Without a stream nobody can tell a connection that was to be renewed from one that broke.
    client.onConnectionLost(() => this.retire());
  }

  report(event: Outgoing<WOLEvent>): PendingCall<WOLEventResponse> {
    return this.client.reportEvent(event);
  }

  onEnd(callback: (failure: undefined) => void): void {
    if (this.isOver) callback(undefined);
    else this.endListeners.push(() => callback(undefined));
  }

  retire(): void {
    this.isOver = true;
    for (const listener of this.endListeners.splice(0)) listener();
  }

  close(): void {
    this.client.close();
  }
}
