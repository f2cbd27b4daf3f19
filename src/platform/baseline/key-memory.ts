/**
 * What is remembered of a key between runs. Losing it costs a GET and a dry-run, and an Event that is told twice.
 *
 * Owns: the fields and how they age. Never: decides anything.
 */
export interface KeyMemory {
  /** Of the last run that ended in sync; `undefined` = the next run looks at everything. */
  fingerprint: string | undefined;
  /** Digest of what the catalog wanted when we last wrote or found everything in order. */
  wanted: string | undefined;
  /** resourceVersion that our last apply left. */
  appliedVersion: string | undefined;
  /** Failed runs in a row. */
  failures: number;
  compliance: 0 | 1 | undefined;
  /** The pause that an edit war earned could not be written on the object. */
  isPauseUnwritten: boolean;
  /** Monotonic milliseconds. */
  terminatingSinceMs: number | undefined;
  /** Of the last change of ownership, while nothing came after it. */
  ownershipChange: string | undefined;
  /** What has been told once for a value, by reason. */
  readonly told: Map<string, string>;
}

export function newKeyMemory(): KeyMemory {
  return {
    fingerprint: undefined,
    wanted: undefined,
    appliedVersion: undefined,
    failures: 0,
    compliance: undefined,
    isPauseUnwritten: false,
    terminatingSinceMs: undefined,
    ownershipChange: undefined,
    told: new Map(),
  };
}
