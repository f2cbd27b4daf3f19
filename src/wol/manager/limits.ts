/**
 * Every bound on what the network can make the manager remember, and every fixed period of a wake.
 *
 * Owns: the numbers, in one place, so that the memory a hostile network can cost is visible at a glance.
 */

/** Successful wakes remembered at once; the oldest are forgotten first. About 8 MiB. */
export const MAX_REMEMBERED_WAKES = 65_536;
/** Wakes that are being worked on at once; more are refused as Overloaded. */
export const MAX_WAKES_IN_FLIGHT = 10_000;
/** Accepted starts that are being watched for their effect at once; further ones go unwatched. */
export const MAX_CONFIRMATIONS = 10_000;
/** Wakes that wait for a rate token, per config and in all. */
export const MAX_WAITING_PER_CONFIG = 1_000;
export const MAX_WAITING_WAKES = 10_000;

/** Longest wait for a rate token. */
export const MAX_TOKEN_WAIT_MS = 300_000;
/** An event is answered after this time at the latest, counted from its arrival. */
export const ANSWER_WITHIN_MS = 3_000;
/** Time given to the watch to show why a start was answered with 409. */
export const CATCH_UP_MS = 1_000;
/** An accepted start has to show in the watch within this time. */
export const CONFIRM_WITHIN_MS = 30_000;
/** Added to the grace period of an instance that is stopping; the sum is capped. */
export const STOP_ALLOWANCE_MS = 30_000;
export const MAX_STOP_WAIT_MS = 600_000;

/** Delay before the second attempt of a call, doubled up to the maximum, each ±20 %. */
export const FIRST_RETRY_DELAY_MS = 200;
export const MAX_RETRY_DELAY_MS = 5_000;
export const RETRY_JITTER = 0.2;

/** Longest piece of uninterrupted work on the wake map. */
export const SLICE_MS = 5;
/** A re-verification begins this much earlier or later than cacheTTL says, so that replicas and configs spread. */
export const REVERIFY_JITTER = 0.1;

/** Virtual machines whose run-time addresses are remembered, in how many ConfigMaps; and addresses of one of them. */
export const MAX_LEARNED_PER_SHARD = 5_000;
export const LEARNED_SHARDS = 4;
export const MAX_LEARNED_MACS_PER_VM = 8;
/** Learned addresses are stored at most this often. */
export const LEARNED_WRITE_INTERVAL_MS = 10_000;

/** How often SecureOn Secrets are read again; and after a reading that got no answer. */
export const PASSWORD_REREAD_MS = 60_000;
export const PASSWORD_RETRY_MS = 5_000;

/** A wake target source that is still not ready then no longer keeps the wake map from being ready. */
export const SOURCE_GRACE_MS = 30_000;

/** Longest texts that an event may carry, in characters. */
export const MAX_EVENT_TEXT = { mac: 64, nodeName: 253, sourceIp: 64, networkInterface: 64, configName: 253 } as const;
/** Lengths of a SecureOn password, in bytes; 0 = none. */
export const PASSWORD_LENGTHS: readonly number[] = [0, 4, 6];

/** Conflicts and losers listed in a status; the CRD allows no more. */
export const MAX_LISTED_CONFLICTS = 20;
export const MAX_LISTED_LOSERS = 5;
