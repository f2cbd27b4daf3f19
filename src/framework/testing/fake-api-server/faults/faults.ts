/**
 * What can go wrong between a client and an API server.
 *
 * Owns: the vocabulary; each function describes one fault. Never: performs it (http/ does).
 * On watches, `afterEvents` lets that many events through before the fault strikes (0 = with the response headers).
 */
export type Fault =
  | { readonly kind: 'reset' | 'stall' | 'truncateLine' | 'closeAtOnce'; readonly afterEvents: number }
  | { readonly kind: 'garbageLine'; readonly afterEvents: number; readonly bytes: number }
  | { readonly kind: 'delay'; readonly delayMs: number }
  | {
      readonly kind: 'status';
      readonly code: number;
      readonly retryAfterS: number | undefined;
      readonly reason: string | undefined;
      readonly message: string | undefined;
    }
  | { readonly kind: 'gone'; readonly as: 'event' | 'status'; readonly afterEvents: number }
  | { readonly kind: 'expireContinue' | 'dropBookmarks' | 'duplicateEvents' | 'loseResponse' }
  | { readonly kind: 'slowBytes'; readonly bytesPerSecond: number };

export type FaultKind = Fault['kind'];

interface AfterEvents {
  /** @default 0 */
  afterEvents?: number;
}

/** TCP reset. A request gets no answer and is not executed. */
export const reset = ({ afterEvents = 0 }: AfterEvents = {}): Fault => ({ kind: 'reset', afterEvents });

/** Silence on an open connection: no answer, or after the headers no more events and bookmarks. */
export const stall = ({ afterEvents = 0 }: AfterEvents = {}): Fault => ({ kind: 'stall', afterEvents });

/** The request is executed this much later on the server's clock. */
export const delayMs = (milliseconds: number): Fault => ({ kind: 'delay', delayMs: milliseconds });

/** An error answer; the request is not executed. */
export const status = (
  code: number,
  { retryAfterS, reason, message }: { retryAfterS?: number; reason?: string; message?: string } = {},
): Fault => ({
  kind: 'status',
  code,
  retryAfterS,
  reason,
  message,
});

/** Half an event line (or half a body), then a clean end. */
export const truncateLine = ({ afterEvents = 0 }: AfterEvents = {}): Fault => ({ kind: 'truncateLine', afterEvents });

/** A line (or body) that is no JSON, of at least `bytes` bytes; the stream goes on after it. @default bytes 16 */
export const garbageLine = ({ afterEvents = 0, bytes = 16 }: AfterEvents & { bytes?: number } = {}): Fault => ({
  kind: 'garbageLine',
  afterEvents,
  bytes,
});

/** Headers, then a clean end: a watch without events, a body without bytes. */
export const closeAtOnce = ({ afterEvents = 0 }: AfterEvents = {}): Fault => ({ kind: 'closeAtOnce', afterEvents });

/** 410: on a watch as ERROR event (default) or as HTTP status, elsewhere always as status. */
export const gone = ({ as = 'event', afterEvents = 0 }: AfterEvents & { as?: 'event' | 'status' } = {}): Fault => ({
  kind: 'gone',
  as,
  afterEvents,
});

/** The continue token of a list counts as too old. Requests without one pass and do not use the fault up. */
export const expireContinue = (): Fault => ({ kind: 'expireContinue' });

/** The watch gets no bookmarks. */
export const dropBookmarks = (): Fault => ({ kind: 'dropBookmarks' });

/** Every event comes twice. */
export const duplicateEvents = (): Fault => ({ kind: 'duplicateEvents' });

/** The body trickles, in one portion a second on the server's clock. */
export const slowBytes = (bytesPerSecond: number): Fault => ({ kind: 'slowBytes', bytesPerSecond });

/** The request is executed, then the connection is reset instead of an answer. */
export const loseResponse = (): Fault => ({ kind: 'loseResponse' });
