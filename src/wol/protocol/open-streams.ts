/**
 * The event streams of all connections.
 *
 * Owns: who may open one, how many there are on a connection, how long each lives. Never: answers an event.
 *
 * Expected flow: call -> admitted -> events -> (identity checked again every five minutes) -> finished by age, by the agent or at shutdown.
 * Guarantees: no event is read before the caller is known; a stream ends with OK before the token it was opened with does, and with the
 * refusal once the token is not accepted any more.
 * Caveats: while identities cannot be checked (the API server is away) open streams go on; new ones have to wait.
 */
import { type ServerDuplexStream, type StatusObject, status } from '@grpc/grpc-js';
import { type Clock, isOperatorError, type Timer } from '../../framework/basics';
import { credentialsOf } from './call-credentials';
import type { AgentIdentity, CallGate } from './call-gate';
import { EventStream } from './event-stream';
import { EXPIRY_MARGIN_MS, MAX_STREAM_AGE_MS, MAX_STREAMS_PER_CONNECTION, REVIEW_AGAIN_MS, STREAM_AGE_JITTER } from './limits';
import type { RpcStatusError } from './rpc-status-error';

type Failure = Partial<StatusObject>;

export interface OpenStreamsOptions<Event, Response> {
  readonly gate: CallGate;
  readonly clock: Clock;
  readonly answer: (event: Event, peer: string, identity: AgentIdentity) => Promise<Response>;
  readonly statusOf: (error: unknown) => Failure;
}

const TOO_MANY_STREAMS: Failure = {
  code: status.RESOURCE_EXHAUSTED,
  details: `more than ${MAX_STREAMS_PER_CONNECTION} event streams on one connection`,
};

/** One place among the streams of a connection. `stream` is there once the caller is known. */
interface Slot<Event, Response> {
  stream: EventStream<Event, Response> | undefined;
}

export class OpenStreams<Event, Response> {
  private readonly slotsByPeer = new Map<string, Set<Slot<Event, Response>>>();
  private closed: Failure | undefined;

  constructor(private readonly options: OpenStreamsOptions<Event, Response>) {}

  get size(): number {
    let size = 0;
    for (const slots of this.slotsByPeer.values()) size += slots.size;
    return size;
  }

  /** Never rejects: what is wrong becomes the status of the call. */
  async open(call: ServerDuplexStream<Event, Response>): Promise<void> {
    const peer = call.getPeer();
    const slots = this.slotsByPeer.get(peer) ?? new Set();
    const refused = this.closed ?? (slots.size >= MAX_STREAMS_PER_CONNECTION ? TOO_MANY_STREAMS : undefined);
    if (refused !== undefined) {
      call.emit('error', refused);
      return;
    }
    const slot: Slot<Event, Response> = { stream: undefined };
    const release = (): void => {
      slots.delete(slot);
      if (slots.size === 0) this.slotsByPeer.delete(peer);
    };
    this.slotsByPeer.set(peer, slots.add(slot));
    try {
      const identity = await this.options.gate.admit(credentialsOf(call));
      if (call.cancelled) release();
      else if (this.closed !== undefined) this.refuse(call, this.closed, release);
      else slot.stream = this.serve(call, identity, release);
    } catch (error) {
      this.refuse(call, this.options.statusOf(error), release);
    }
  }

  /** Ends every stream with OK after its outstanding answers, and refuses new ones. */
  close(refusal: Failure): void {
    this.closed ??= refusal;
    for (const slots of this.slotsByPeer.values()) for (const { stream } of slots) stream?.finish();
  }

  private refuse(call: ServerDuplexStream<Event, Response>, failure: Failure, release: () => void): void {
    release();
    if (!call.cancelled) call.emit('error', failure);
  }

  private serve(call: ServerDuplexStream<Event, Response>, identity: AgentIdentity, release: () => void): EventStream<Event, Response> {
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
        release();
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
