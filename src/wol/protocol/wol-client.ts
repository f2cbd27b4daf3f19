/**
 * The agent's side of the contract: one gRPC channel to a manager.
 *
 * Owns: channel settings and typed calls. Never: repeats a call or connects again; who holds the client decides that.
 * Invariant: one client is one channel with its own connection, so that a new client resolves the name anew.
 */
import {
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  connectivityState,
  Metadata,
  type ServiceError,
  type status,
} from '@grpc/grpc-js';
import type { AgentStatus, AgentStatusAck, HealthCheckResponse, WOLEvent, WOLEventResponse } from './generated/wol-descriptor';
import { MAX_MESSAGE_BYTES } from './limits';
import { RpcStatusError } from './rpc-status-error';
import { type Outgoing, wolService } from './wire';

const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  // A half-open connection is found within 15 s, also without calls.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
  // Retries, back-off and name resolution belong to the holder: a shared pool would keep the back-off of an earlier channel.
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.service_config_disable_resolution': 1,
  'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ pick_first: { shuffleAddressList: true } }] }),
  'grpc.client_idle_timeout_ms': 2 ** 31 - 1,
  // The manager is inside the cluster, whatever proxy the node uses to get out.
  'grpc.enable_http_proxy': 0,
};

/** A call under way. */
export interface PendingCall<Response> {
  /** @throws {RpcStatusError} for every gRPC status but OK. */
  readonly response: Promise<Response>;
  cancel(): void;
}

export interface WolClientOptions {
  /** Header of every report. @default none */
  authorization?: string | undefined;
  /** On top of our own. @default none */
  channelOptions?: ChannelOptions;
}

export class WolClient {
  private readonly client: Client;
  private readonly identity = new Metadata();

  /** @param address `host:port`; IPv6 hosts in brackets. Nothing is contacted before the first call. */
  constructor(address: string, credentials: ChannelCredentials, { authorization, channelOptions = {} }: WolClientOptions = {}) {
    this.client = new Client(`dns:///${address}`, credentials, { ...CHANNEL_OPTIONS, ...channelOptions });
    if (authorization !== undefined) this.identity.set('authorization', authorization);
  }

  reportEvent(event: Outgoing<WOLEvent>): PendingCall<WOLEventResponse> {
    return this.call(wolService.ReportWOLEvent, event, this.identity);
  }

  reportStatus(agent: Outgoing<AgentStatus>, timeoutMs: number): PendingCall<AgentStatusAck> {
    return this.call(wolService.ReportAgentStatus, agent, this.identity, { deadline: Date.now() + timeoutMs });
  }

  /** Opens a stream of events. Nothing is sent before the first write. */
  streamEvents(): ClientDuplexStream<Outgoing<WOLEvent>, WOLEventResponse> {
    const { path, requestSerialize, responseDeserialize } = wolService.ReportWOLEventStream;
    return this.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, this.identity);
  }

  /** @param timeoutMs covers connecting as well. */
  healthCheck(timeoutMs: number): PendingCall<HealthCheckResponse> {
    return this.call(wolService.HealthCheck, {}, new Metadata(), { deadline: Date.now() + timeoutMs });
  }

  /** Calls back once, when a connection that exists now is gone. */
  onConnectionLost(callback: () => void): void {
    const channel = this.client.getChannel();
    if (channel.getConnectivityState(false) !== connectivityState.READY) {
      callback();
      return;
    }
    channel.watchConnectivityState(connectivityState.READY, Number.POSITIVE_INFINITY, callback);
  }

  /** Ends the connection; calls under way may still finish, cancel them to prevent it. */
  close(): void {
    this.client.close();
  }

  private call<Request, Response>(
    method: { path: string; requestSerialize(value: Outgoing<Request>): Buffer; responseDeserialize(bytes: Buffer): Response },
    request: Outgoing<Request>,
    metadata: Metadata,
    options: CallOptions = {},
  ): PendingCall<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const call = this.client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata,
      options,
      (error, response) => {
        if (response === undefined) reject(asRpcStatusError(error));
        else resolve(response);
      },
    );
    return { response: promise, cancel: () => call.cancel() };
  }
}

function asRpcStatusError(error: ServiceError | null): RpcStatusError {
  const code: status = error?.code ?? 2;
  return new RpcStatusError(code, error?.details ?? 'the call ended without an answer', error ?? undefined);
}
