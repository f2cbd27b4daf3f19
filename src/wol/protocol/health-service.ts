/**
 * The standard gRPC health service for the services of this server.
 *
 * Owns: the serving state and who watches it. Never: decides what the state is.
 * Invariant: a watcher hears the present state first and every later change; closing ends every watch.
 */
import {
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { type HealthCheckRequest, type HealthCheckResponse, ServingStatus } from './generated/health-descriptor';
import { HEALTH_SERVICE_NAME, type Outgoing, WOL_SERVICE_NAME } from './wire';

type Watcher = ServerWritableStream<HealthCheckRequest, Outgoing<HealthCheckResponse>>;

/** Names a client may ask for; the empty one is the server as a whole. */
const KNOWN_SERVICES: readonly string[] = ['', WOL_SERVICE_NAME, HEALTH_SERVICE_NAME];

export class HealthService {
  private serving = false;
  private closed = false;
  private readonly watchers = new Set<Watcher>();

  get isServing(): boolean {
    return this.serving && !this.closed;
  }

  setServing(serving: boolean): void {
    if (serving === this.serving || this.closed) return;
    this.serving = serving;
    this.announce();
  }

  /** Reports NOT_SERVING from now on and ends every watch. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.announce();
    for (const watcher of this.watchers) watcher.end();
    this.watchers.clear();
  }

  /** The handlers of `grpc.health.v1.Health`. */
  handlers(): UntypedServiceImplementation {
    return {
      Check: (
        call: ServerUnaryCall<HealthCheckRequest, Outgoing<HealthCheckResponse>>,
        reply: sendUnaryData<Outgoing<HealthCheckResponse>>,
      ) => {
        const { service } = call.request;
        if (KNOWN_SERVICES.includes(service)) reply(null, { status: this.statusNow() });
        else reply({ code: status.NOT_FOUND, details: 'unknown service' });
      },
      Watch: (call: Watcher) => this.watch(call),
    };
  }

  private watch(call: Watcher): void {
    if (!KNOWN_SERVICES.includes(call.request.service)) {
      // The standard keeps the stream open, in case the service appears; ours are fixed, so nothing would ever follow.
      call.write({ status: ServingStatus.SERVICE_UNKNOWN });
      call.end();
      return;
    }
    call.write({ status: this.statusNow() });
    if (this.closed) {
      call.end();
      return;
    }
    this.watchers.add(call);
    for (const event of ['cancelled', 'close', 'error']) call.on(event, () => this.watchers.delete(call));
  }

  private announce(): void {
    for (const watcher of this.watchers) watcher.write({ status: this.statusNow() });
  }

  private statusNow(): ServingStatus {
    return this.isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }
}
