/** Caps on what callers can make the manager hold or ask for while it finds out who they are. Owns: the numbers. */

/** Answers remembered, of each kind. */
export const MAX_REMEMBERED_REVIEWS = 1_024;
export const ACCEPTED_TTL_MS = 60_000;
export const REFUSED_TTL_MS = 10_000;
/** Questions to the API server at a time, and callers that wait for their turn. */
export const MAX_REVIEWS = 8;
export const MAX_WAITING_REVIEWS = 1_024;
export const REVIEW_TIMEOUT_MS = 5_000;
/** Longer ones are no tokens of ours: a projected token has about one kilobyte. */
export const MAX_TOKEN_BYTES = 16_384;
