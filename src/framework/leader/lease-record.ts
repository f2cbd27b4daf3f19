/**
 * What a Lease says, and what we write into it. Pure.
 *
 * Owns: the reading of foreign and incomplete Leases. Never: compares time stamps; they are for people.
 */
import { Lease } from '../kinds/core-kinds';
import { microTimestampOf } from '../time/timestamp';

/** What others see after a release; the API server takes no 0. */
const RELEASED_DURATION_SECONDS = 1;

/** @returns the identity of the holder, `undefined` when nobody holds it. */
export function holderOf({ spec }: Lease): string | undefined {
  return spec?.holderIdentity === undefined || spec.holderIdentity === '' ? undefined : spec.holderIdentity;
}

/** How long the holder's claim lasts without a change; a Lease that does not say so is trusted for as long as one of ours. */
export function durationMsOf({ spec }: Lease, defaultMs: number): number {
  const seconds = spec?.leaseDurationSeconds;
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1_000 : defaultMs;
}

export interface Claim {
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly durationMs: number;
  /** Wall clock, for people. */
  readonly nowMs: number;
}

/** A Lease that says that we hold it, over what is there. Fields nobody here knows are kept. */
export function claimed(live: Lease | undefined, { namespace, name, identity, durationMs, nowMs }: Claim): Lease {
  const now = microTimestampOf(nowMs);
  const isRenewal = live !== undefined && holderOf(live) === identity;
  const transitions = live?.spec?.leaseTransitions ?? 0;
  return {
    ...live,
    apiVersion: Lease.apiVersion,
    kind: Lease.kind,
    metadata: { ...live?.metadata, namespace, name },
    spec: {
      ...live?.spec,
      holderIdentity: identity,
      leaseDurationSeconds: durationMs / 1_000,
      acquireTime: isRenewal ? (live.spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: isRenewal || live === undefined ? transitions : transitions + 1,
    },
  };
}

/** The same Lease held by nobody, so that the next one need not wait. */
export function released(live: Lease, nowMs: number): Lease {
  const spec = { ...live.spec, holderIdentity: '', leaseDurationSeconds: RELEASED_DURATION_SECONDS, renewTime: microTimestampOf(nowMs) };
  return { ...live, spec };
}
