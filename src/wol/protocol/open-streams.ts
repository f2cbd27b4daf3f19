/**
 * The event streams of all connections.
 *
 * Owns: how long each lives. Never: answers an event.
 *
 * Expected flow: admitted call -> events -> (identity checked again every five minutes) -> finished by age, by the agent or at shutdown.
 * Guarantees: a stream ends with OK before the token it was opened with does, and with the refusal once the token is not accepted any more.
 * Caveats: while identities cannot be checked (the API server is away) open streams go on; new ones have to wait.
 */
import { type ServerDuplexStream, type StatusObject, status } from '@grpc/grpc-js';
import { type Clock, isOperatorError, type Timer } from '../../framework/basics';
import { credentialsOf } from './call-credentials';
import type { AgentIdentity, CallGate } from './call-gate';
import { EventStream } from './event-stream';
import { EXPIRY_MARGIN_MS, MAX_STREAM_AGE_MS, REVIEW_AGAIN_MS, STREAM_AGE_JITTER } from './limits';
import type { RpcStatusError } from './rpc-status-error';

type Failure = Partial<StatusObject>;

export interface OpenStreamsOptions<Event, Response> {
  /** Asked again while a stream is open. */
  readonly gate: CallGate;
  /** Who opens a stream. */
  readonly identityOf: (call: ServerDuplexStream<Event, Response>) => AgentIdentity;
  readonly clock: Clock;
  readonly answer: (event: Event, peer: string, identity: AgentIdentity) => Promise<Response>;
  readonly statusOf: (error: unknown) => Failure;
}

export class OpenStreams<Event, Response> {
  private readonly streams = new Set<EventStream<Event, Response>>();
  private closed: Failure | undefined;

  constructor(private readonly options: OpenStreamsOptions<Event, Response>) {}

  get size(): number {
    return this.streams.size;
  }

  /** Never throws: what is wrong becomes the status of the call. */
  open(call: ServerDuplexStream<Event, Response>): void {
    if (this.closed !== undefined) {
      call.emit('error', this.closed);
      return;
    }
    try {
      this.streams.add(this.serve(call, this.options.identityOf(call)));
    } catch (error) {
      call.emit('error', this.options.statusOf(error));
    }
  }

  /** Ends every stream with OK after its outstanding answers, and refuses new ones. */
  close(refusal: Failure): void {
    this.closed ??= refusal;
    for (const stream of this.streams) stream.finish();
  }

  private serve(call: ServerDuplexStream<Event, Response>, identity: AgentIdentity): EventStream<Event, Response> {
    const { answer, statusOf, clock } = this.options;
    const peer = call.getPeer();
    const timers: { age?: Timer; review?: Timer } = {};
    const stream = new EventStream<Event, Response>(
      call,
      (event) => answer(event, peer, identity),
      statusOf,
      () => {
        timers.age?.cancel();
        timers.review?.cancel();
        this.streams.delete(stream);
      },
    );
    timers.age = clock.setTimer(this.lifetimeMs(identity), () => stream.finish());
    const reviewLater = (): void => {
      timers.review = clock.setTimer(REVIEW_AGAIN_MS, () => this.review(call, stream).then((goesOn) => goesOn && reviewLater()));
    };
    reviewLater();
    return stream;
  }

  private lifetimeMs({ expiresAtMs }: AgentIdentity): number {
    const ageMs = MAX_STREAM_AGE_MS * (1 + STREAM_AGE_JITTER * (2 * Math.random() - 1));
    const leftMs = expiresAtMs === undefined ? ageMs : expiresAtMs - EXPIRY_MARGIN_MS - this.options.clock.now();
    return Math.max(0, Math.min(ageMs, leftMs));
  }

  /** @returns whether the stream goes on. */
  private async review(call: ServerDuplexStream<Event, Response>, stream: EventStream<Event, Response>): Promise<boolean> {
    if (call.cancelled) return false;
    try {
      await this.options.gate.admit(credentialsOf(call));
      return true;
    } catch (error) {
      if (isOperatorError(error, 'RPC_STATUS') && (error as RpcStatusError).status === status.UNAVAILABLE) return true;
      stream.fail(this.options.statusOf(error));
      return false;
    }
  }
}
