/**
 * One open ReportWOLEventStream call, seen from the server.
 *
 * Owns: the order of the answers, how many events are worked on, when the stream ends.
 *
 * Expected flow: events in -> at most MAX_EVENTS_IN_WORK at a time -> answers out in the order of the events -> half-close by
 * either side -> outstanding answers -> OK.
 * Guarantees: one answer per event that was read; beyond the limit, or while the client does not read, nothing more is read.
 * Errors: a gRPC status thrown for an event ends the stream in that event's place, after the answers before it.
 */
import type { ServerDuplexStream, StatusObject } from '@grpc/grpc-js';

/** Events of one stream that are worked on at the same time. */
export const MAX_EVENTS_IN_WORK = 64;

type Outcome<Response> = { readonly response: Response } | { readonly failure: Partial<StatusObject> };

export class EventStream<Event, Response> {
  /** Oldest first; `undefined` while it is worked on. */
  private readonly outcomes: { outcome: Outcome<Response> | undefined }[] = [];
  private noMoreEvents = false;
  private blocked = false;
  private over = false;

  /**
   * @param answer rejects with what `failureOf` turns into a gRPC status.
   * @param onOver called once, when the call is done.
   */
  constructor(
    private readonly call: ServerDuplexStream<Event, Response>,
    private readonly answer: (event: Event) => Promise<Response>,
    private readonly failureOf: (error: unknown) => Partial<StatusObject>,
    private readonly onOver: () => void,
  ) {
    call.on('data', (event: Event) => this.work(event));
    call.on('end', () => this.finish());
    call.on('drain', () => {
      this.blocked = false;
      this.flush();
    });
    for (const event of ['cancelled', 'close', 'error']) call.on(event, () => this.end());
  }

  /** Reads nothing more; the stream ends with OK after the outstanding answers. */
  finish(): void {
    this.noMoreEvents = true;
    this.call.pause();
    this.flush();
  }

  private work(event: Event): void {
    if (this.noMoreEvents) return;
    const entry: { outcome: Outcome<Response> | undefined } = { outcome: undefined };
    this.outcomes.push(entry);
    if (this.outcomes.length >= MAX_EVENTS_IN_WORK) this.call.pause();
    this.answer(event)
      .then(
        (response) => {
          entry.outcome = { response };
        },
        (error: unknown) => {
          entry.outcome = { failure: this.failureOf(error) };
        },
      )
      .finally(() => this.flush());
  }

  /** Sends what is ready, in order, as far as the client takes it. */
  private flush(): void {
    while (!this.over && !this.blocked) {
      const outcome = this.outcomes[0]?.outcome;
      if (outcome === undefined) break;
      this.outcomes.shift();
      if ('failure' in outcome) this.fail(outcome.failure);
      else this.blocked = !this.call.write(outcome.response);
    }
    if (this.over) return;
    if (this.noMoreEvents && this.outcomes.length === 0) {
      this.call.end();
      this.end();
    } else if (!this.noMoreEvents && !this.blocked && this.outcomes.length < MAX_EVENTS_IN_WORK) {
      this.call.resume();
    }
  }

  /** Ends the stream with this status at once; what is unanswered stays so. */
  fail(failure: Partial<StatusObject>): void {
    if (this.over) return;
    this.end();
    this.call.emit('error', failure);
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    this.onOver();
  }
}
