/**
 * Reports events over one bidirectional stream.
 *
 * Owns: which answer belongs to which event. Never: sends an event twice.
 * Guarantees: answers come in the order of the events, as the contract says; when the stream ends, every event without an
 * answer is rejected, so that it can be sent again elsewhere.
 */
import { type ClientDuplexStream, type StatusObject, status } from '@grpc/grpc-js';
import type { WOLEvent, WOLEventResponse } from '../protocol/generated/wol-descriptor';
import { RpcStatusError } from '../protocol/rpc-status-error';
import type { Outgoing } from '../protocol/wire';
import type { PendingCall, WolClient } from '../protocol/wol-client';
import type { RenewableSession } from './report-session';

export class StreamSession implements RenewableSession {
  private readonly stream: ClientDuplexStream<Outgoing<WOLEvent>, WOLEventResponse>;
  private readonly unanswered: PromiseWithResolvers<WOLEventResponse>[] = [];
  private readonly endListeners: ((failure: RpcStatusError | undefined) => void)[] = [];
  private ended: { readonly failure: RpcStatusError | undefined } | undefined;

  /** @param onUnsupported the manager has no streams. */
  constructor(
    private readonly client: WolClient,
    private readonly onUnsupported: () => void,
  ) {
    this.stream = client.streamEvents();
    this.stream.on('data', (response: WOLEventResponse) => this.unanswered.shift()?.resolve(response));
    // The status may overtake answers that are still buffered; `end` comes after the last of them.
    let final: StatusObject | undefined;
    let isRead = false;
    const settleWhenBoth = (): void => {
      if (final !== undefined && isRead) this.settle(final);
    };
    this.stream.on('status', (received: StatusObject) => {
      final = received;
      settleWhenBoth();
    });
    this.stream.on('end', () => {
      isRead = true;
      settleWhenBoth();
    });
    // The same news as `status`.
    this.stream.on('error', () => undefined);
  }

  report(event: Outgoing<WOLEvent>): PendingCall<WOLEventResponse> {
    const pending = Promise.withResolvers<WOLEventResponse>();
    if (this.ended === undefined) {
      this.unanswered.push(pending);
      this.stream.write(event);
    } else {
      pending.reject(new RpcStatusError(status.UNAVAILABLE, 'the stream has ended'));
    }
    return { response: pending.promise, cancel: () => this.stream.cancel() };
  }

  onEnd(callback: (failure: RpcStatusError | undefined) => void): void {
    if (this.ended === undefined) this.endListeners.push(callback);
    else callback(this.ended.failure);
  }

  retire(): void {
    for (const listener of this.endListeners.splice(0)) listener(undefined);
  }

  close(): void {
    this.stream.end();
    this.client.close();
  }

  private settle({ code, details }: StatusObject): void {
    if (code === status.UNIMPLEMENTED) this.onUnsupported();
    const failure = code === status.OK ? undefined : new RpcStatusError(code, details);
    this.ended = { failure };
    for (const listener of this.endListeners.splice(0)) listener(failure);
    const [oldest, ...others] = this.unanswered.splice(0);
    const unanswered = new RpcStatusError(status.UNAVAILABLE, 'the stream has ended');
    // The status of a stream speaks of the first event without an answer; the others may be sent again in any case.
    oldest?.reject(failure ?? unanswered);
    for (const { reject } of others) reject(unanswered);
  }
}
