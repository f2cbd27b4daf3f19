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
import type { ReportSession } from './report-session';

export class StreamSession implements ReportSession {
  private readonly stream: ClientDuplexStream<Outgoing<WOLEvent>, WOLEventResponse>;
  private readonly unanswered: PromiseWithResolvers<WOLEventResponse>[] = [];
  private readonly endListeners: ((inOrder: boolean) => void)[] = [];
  private endedInOrder: boolean | undefined;

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
    if (this.endedInOrder === undefined) {
      this.unanswered.push(pending);
      this.stream.write(event);
    } else {
      pending.reject(new RpcStatusError(status.UNAVAILABLE, 'the stream has ended'));
    }
    return { response: pending.promise, cancel: () => this.stream.cancel() };
  }

  onEnd(callback: (inOrder: boolean) => void): void {
    if (this.endedInOrder === undefined) this.endListeners.push(callback);
    else callback(this.endedInOrder);
  }

  close(): void {
    this.stream.end();
    this.client.close();
  }

  private settle({ code, details }: StatusObject): void {
    if (code === status.UNIMPLEMENTED) this.onUnsupported();
    this.endedInOrder = code === status.OK;
    const [oldest, ...others] = this.unanswered.splice(0);
    // The status of a stream speaks of the first event without an answer; the others may be sent again in any case.
    oldest?.reject(new RpcStatusError(code === status.OK ? status.UNAVAILABLE : code, details || 'the manager ended the stream'));
    for (const { reject } of others) reject(new RpcStatusError(status.UNAVAILABLE, 'the stream has ended'));
    for (const listener of this.endListeners.splice(0)) listener(this.endedInOrder);
  }
}
