/**
 * Every cap on what the network can make an agent or the wire hold, in one place.
 *
 * Owns: the numbers. Invariant: whatever is keyed or queued by something from the network has its cap here and a metric.
 */

/** Largest gRPC message in both directions, in bytes. */
export const MAX_MESSAGE_BYTES = 1_048_576;
/**
 * Calls open at a time on one connection; a client with more waits. An agent has a stream and a report of its status, one of the older
 * operator a call for each event. With 320 of them, 60 connections of half-open calls made an agent's connection miss its keepalive (5 s)
 * on a busy machine; with 64 it stayed.
 */
export const MAX_CALLS_PER_CONNECTION = 64;
/**
 * Connections of one manager. A guest is one on which nobody has proven to be an agent yet; agents need a second at most. Messages of
 * guests are only read for health checks, so many at a time, each of at most MAX_MESSAGE_BYTES.
 */
export const MAX_CONNECTIONS = 8_192;
export const MAX_GUESTS = 1_024;
export const MAX_GUESTS_PER_ADDRESS = 64;
export const MAX_GUEST_CALLS = 1_024;
export const MAX_GUEST_CALLS_PER_ADDRESS = 128;
export const MAX_GUEST_MESSAGES = 64;
export const MAX_GUEST_MESSAGES_PER_ADDRESS = 8;
/** A guest with so many refused calls is closed, and one without a call for so long, in milliseconds; an agent's after some more. */
export const MAX_REFUSED_CALLS = 64;
export const GUEST_IDLE_MS = 15_000;
export const AGENT_IDLE_MS = 5 * 60_000;
export const SWEEP_CONNECTIONS_MS = 1_000;
/** A call of one message ends when that has not arrived whole for so long, in milliseconds. */
export const MESSAGE_TIMEOUT_MS = 10_000;
/** Event streams open at a time on one connection. */
export const MAX_STREAMS_PER_CONNECTION = 16;
/** Age at which the server asks a client to connect anew, in milliseconds (gRPC adds ±10 %): spreads agents over replicas. */
export const MAX_CONNECTION_AGE_MS = 30 * 60_000;
/** Age at which the server ends an event stream with OK, in milliseconds, and how far it varies. */
export const MAX_STREAM_AGE_MS = 30 * 60_000;
export const STREAM_AGE_JITTER = 0.1;
/** The identity behind an open stream is checked again this often, in milliseconds. */
export const REVIEW_AGAIN_MS = 5 * 60_000;
/** A stream ends this long before the token it was opened with, in milliseconds, so that the agent comes back with a new one. */
export const EXPIRY_MARGIN_MS = 60_000;
/** How long outstanding answers may take during shutdown, in milliseconds. */
export const SHUTDOWN_GRACE_MS = 5_000;

/** Events an agent has sent and got no answer for. */
export const MAX_UNANSWERED_EVENTS = 256;
/** Events whose work goes on in a manager, kept in case it dies. */
export const MAX_ACCEPTED_EVENTS = 4_096;
/** No answer to the oldest event for this long: the connection counts as dead, in milliseconds. */
export const ANSWER_TIMEOUT_MS = 10_000;
/** Age at which an undelivered event is given up, in milliseconds. */
export const EVENT_LIFETIME_MS = 60_000;
/** Events an agent holds; the default of --queue-size and its range. */
export const QUEUE_SIZE = { default: 4_096, min: 64, max: 65_536 } as const;

/** Pairs of address and sender that the duplicate filter remembers, and (port, password) pairs for each. */
export const MAX_REMEMBERED_MACS = 16_384;
export const MAX_PAIRS_PER_MAC = 8;
/** Window of the duplicate filter in milliseconds; the default of --dedup-window and its range. */
export const DEDUP_WINDOW_MS = { default: 2_000, min: 0, max: 60_000 } as const;

/** Token bucket of one source address: events per second, burst, and how many addresses have one. */
export const SOURCE_EVENTS_PER_SECOND = 500;
export const SOURCE_BURST = 2_000;
/** Events of one sender that wait in line with those of the others; with more it is over its share, whatever its bucket holds. */
export const MAX_IN_LINE_PER_SOURCE = 64;
export const MAX_SOURCES = 1_024;
/** Events of senders over their share that wait until no others do: of all senders, and of one, for a burst of 10,000 and some room. */
export const MAX_EVENTS_ASIDE = 16_384;
export const MAX_EVENTS_ASIDE_PER_SOURCE = 12_288;
/** One of them is sent only while fewer events than this are unanswered: a wake of another sender has at most so many before it. */
export const MAX_UNANSWERED_ASIDE = 32;
/** Nobody over its share for this long, in milliseconds: the burst is over, and what waits aside is sent without delay. Before, at a pace. */
export const BURST_OVER_MS = 50;

/** UDP ports of one agent. */
export const MAX_PORTS = 10;
