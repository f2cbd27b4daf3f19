/**
 * The manager's side of the contract: a gRPC server for wol.v1.WOLService and the standard health service.
 *
 * Owns: listening, decoding errors, health, shutdown. Never: looks at the content of an event, but for the node it names.
 *
 * Expected flow: `start` -> `setServing(true)` once the manager can resolve addresses -> events -> `shutdown`.
 * Guarantees: no report reaches the service without the gate's word; one answer or one gRPC status per call; after `shutdown` has begun no event reaches the service.
 */
import { type AddressInfo, createServer, type Server as Listener } from 'node:net';
import {
  Server,
  type ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { type Clock, isOperatorError, type Logger, parseListenAddress, SystemClock, type Timer } from '../../framework/basics';
import { CallAdmission } from './call-admission';
import type { AgentIdentity, CallGate } from './call-gate';
import { type ClosingReason, Connections } from './connections';
import {
  type AgentStatus,
  type AgentStatusAck,
  type HealthCheckRequest,
  type HealthCheckResponse,
  ServingStatus,
  type WOLEvent,
  type WOLEventResponse,
} from './generated/wol-descriptor';
import { HealthService } from './health-service';
import { MAX_CALLS_PER_CONNECTION, MAX_CONNECTION_AGE_MS, MAX_MESSAGE_BYTES, SHUTDOWN_GRACE_MS } from './limits';
import { OpenStreams } from './open-streams';
import { RpcStatusError } from './rpc-status-error';
import { healthService, type Outgoing, wolService } from './wire';

/** Where a call came from. */
export interface WolCaller {
  /** Address and port of the connection, for logs. */
  readonly peer: string;
}

/** What the manager does with reports. */
export interface WolService {
  /**
   * Answers one event. Failures of a wake are answers with status ERROR.
   *
   * @throws {RpcStatusError} to end the call with a gRPC status, for example UNAVAILABLE before the wake map is ready;
   *   the agent keeps the event then. Any other error is logged and becomes INTERNAL.
   */
  reportEvent(event: WOLEvent, caller: WolCaller): Promise<Outgoing<WOLEventResponse>>;
  /** Takes note of what an agent can and cannot do. @throws as above. */
  reportStatus(agent: AgentStatus, caller: WolCaller): Promise<Outgoing<AgentStatusAck>>;
}

export interface WolServerOptions {
  /** `[host]:port`; an empty host means every address, port 0 picks a free one. */
  bindAddress: string;
  credentials: ServerCredentials;
  /** Asked for every report; health is for everybody. */
  gate: CallGate;
  service: WolService;
  logger: Logger;
  /** Told of each connection that is closed because of a limit. */
  onClosed?: (reason: ClosingReason) => void;
  /** @default the machine's clock */
  clock?: Clock;
}

type Reply<Response> = sendUnaryData<Outgoing<Response>>;
type Failure = { readonly code: status; readonly details: string };

/** What only agents may call. */
const GUARDED: ReadonlySet<string> = new Set(
  [wolService.ReportWOLEvent, wolService.ReportAgentStatus, wolService.ReportWOLEventStream].map(({ path }) => path),
);

const SHUTTING_DOWN: Failure = { code: status.UNAVAILABLE, details: 'the manager is shutting down' };

/** Stands in for a request whose bytes are no message, so that the handler can answer INVALID_ARGUMENT. */
class Undecodable {
  constructor(readonly cause: unknown) {}
}

export class WolServer {
  private readonly server: Server;
  private readonly connections: Connections;
  private readonly admission: CallAdmission;
  private listener: Listener | undefined;
  private readonly health = new HealthService();
  private readonly streams: OpenStreams<WOLEvent | Undecodable, Outgoing<WOLEventResponse>>;
  private readonly clock: Clock;
  private stopping: Promise<void> | undefined;

  constructor(private readonly options: WolServerOptions) {
    this.clock = options.clock ?? new SystemClock();
    const { gate, onClosed = () => undefined } = options;
    this.connections = new Connections({ clock: this.clock, onClosed });
    this.admission = new CallAdmission({
      gate,
      guarded: GUARDED,
      connections: this.connections,
      clock: this.clock,
      statusOf: (error) => this.statusOf(error),
    });
    this.server = new Server({
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_concurrent_streams': MAX_CALLS_PER_CONNECTION,
      'grpc.max_connection_age_ms': MAX_CONNECTION_AGE_MS,
      'grpc.keepalive_time_ms': 20_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.keepalive_permit_without_calls': 1,
      interceptors: [this.admission.interceptor],
    });
    this.streams = new OpenStreams({
      gate,
      identityOf: (call) => this.admission.identityOf(call),
      clock: this.clock,
      answer: (event, peer, identity) => this.takeEvent(event, peer, identity),
      statusOf: (error) => this.statusOf(error),
    });
    this.server.addService(decodingFailuresAsValues(wolService), this.handlers());
    this.server.addService(healthService, this.health.handlers());
  }

  /** @returns the port that is listened on. @throws {Error} naming the address when it cannot be bound. */
  async start(): Promise<number> {
    const { bindAddress, credentials } = this.options;
    const address = parseListenAddress(bindAddress);
    if (address === undefined) throw new RangeError('the server cannot be turned off');
    const { injectConnection } = this.server.createConnectionInjector(credentials);
    this.listener = createServer((socket) => {
      if (this.connections.accept(socket)) injectConnection(socket);
    });
    const port = await listen(this.listener, address.host, address.port);
    // As when files run out. It ends itself and nothing else; the logger folds what repeats.
    this.listener.on('error', (error) => this.options.logger.warn('a connection could not be accepted', { error }));
    return port;
  }

  /** What both health services answer. False until it is called. */
  setServing(serving: boolean): void {
    this.health.setServing(serving);
  }

  /** Sends GOAWAY, refuses new events with UNAVAILABLE and waits up to 5 s for outstanding answers. May be called again. */
  shutdown(): Promise<void> {
    this.stopping ??= this.stop();
    return this.stopping;
  }

  private stop(): Promise<void> {
    this.health.close();
    this.streams.close(SHUTTING_DOWN);
    this.server.tryShutdown(() => undefined);
    const { listener } = this;
    if (listener === undefined) return Promise.resolve();
    return new Promise<void>((resolve) => {
      const timer: Timer = this.clock.setTimer(SHUTDOWN_GRACE_MS, () => {
        this.server.forceShutdown();
        // Also those that began with something else than HTTP/2.
        this.connections.closeAll();
      });
      // Once the last connection is closed.
      listener.close(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Connections that are open now. */
  get openConnections(): { readonly agents: number; readonly guests: number } {
    return this.connections.counts();
  }

  /** Event streams that are open now. */
  get openStreams(): number {
    return this.streams.size;
  }

  private handlers(): UntypedServiceImplementation {
    return {
      ReportWOLEvent: this.unary<WOLEvent, WOLEventResponse>((event, peer, identity) => this.takeEvent(event, peer, identity)),
      ReportAgentStatus: this.unary<AgentStatus, AgentStatusAck>((agent, peer, identity) => this.takeStatus(agent, peer, identity)),
      ReportWOLEventStream: (call: ServerDuplexStream<WOLEvent | Undecodable, Outgoing<WOLEventResponse>>) => {
        this.streams.open(call);
      },
      HealthCheck: (_call: ServerUnaryCall<HealthCheckRequest, unknown>, reply: Reply<HealthCheckResponse>) =>
        reply(null, { status: this.health.isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING }),
    };
  }

  private unary<Request, Response>(
    take: (request: Request | Undecodable, peer: string, identity: AgentIdentity) => Promise<Outgoing<Response>>,
  ): (call: ServerUnaryCall<Request | Undecodable, unknown>, reply: Reply<Response>) => void {
    const answer = async (call: ServerUnaryCall<Request | Undecodable, unknown>): Promise<Outgoing<Response>> => {
      this.refuseWhenStopping();
      return take(call.request, call.getPeer(), this.admission.identityOf(call));
    };
    return (call, reply) => {
      answer(call).then(
        (response) => reply(null, response),
        (error: unknown) => reply(this.statusOf(error)),
      );
    };
  }

  private async takeEvent(event: WOLEvent | Undecodable, peer: string, identity: AgentIdentity): Promise<Outgoing<WOLEventResponse>> {
    const decoded = decodedOf(event);
    this.refuseWhenStopping();
    this.options.gate.checkNode(identity, decoded.nodeName, peer);
    return this.options.service.reportEvent(decoded, { peer });
  }

  private async takeStatus(agent: AgentStatus | Undecodable, peer: string, identity: AgentIdentity): Promise<Outgoing<AgentStatusAck>> {
    const decoded = decodedOf(agent);
    this.refuseWhenStopping();
    this.options.gate.checkNode(identity, decoded.nodeName, peer);
    return this.options.service.reportStatus(decoded, { peer });
  }

  private refuseWhenStopping(): void {
    if (this.stopping !== undefined) throw new RpcStatusError(status.UNAVAILABLE, SHUTTING_DOWN.details);
  }

  private statusOf(error: unknown): Failure {
    if (isOperatorError(error, 'RPC_STATUS')) return { code: (error as RpcStatusError).status, details: error.message };
    this.options.logger.error('report failed unexpectedly', { error });
    return { code: status.INTERNAL, details: 'internal error' };
  }
}

export function createWolServer(options: WolServerOptions): WolServer {
  return new WolServer(options);
}

/** @throws {RpcStatusError} INVALID_ARGUMENT. */
function decodedOf<Message>(request: Message | Undecodable): Message {
  if (request instanceof Undecodable) throw new RpcStatusError(status.INVALID_ARGUMENT, 'the request cannot be decoded', request.cause);
  return request;
}

function listen(listener: Listener, host: string | undefined, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    // Without a host: every address, of IPv6 too where the machine has it.
    listener.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      listener.off('error', reject);
      resolve((listener.address() as AddressInfo).port);
    });
  });
}

/** grpc-js would answer INTERNAL for bytes that are no message, and agents would send them again. */
function decodingFailuresAsValues(service: typeof wolService): typeof wolService {
  return Object.fromEntries(
    Object.entries(service).map(([name, method]) => [
      name,
      {
        ...method,
        requestDeserialize(bytes: Buffer): unknown {
          try {
            return method.requestDeserialize(bytes);
          } catch (cause) {
            return new Undecodable(cause);
          }
        },
      },
    ]),
  ) as unknown as typeof wolService;
}
