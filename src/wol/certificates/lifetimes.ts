/** How long certificates live and when they are renewed. Owns: the numbers. */
import type { InjectionToken } from '../../framework';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export interface CertificateLifetimes {
  /** Of an authority, in milliseconds. */
  readonly authorityMs: number;
  /** Of a server or client certificate, in milliseconds; never longer than its authority's. */
  readonly certificateMs: number;
  /** A certificate begins this long before it is made, so that a peer whose clock is behind accepts it. */
  readonly skewMs: number;
  /** An authority is published this long before it signs: mounted ConfigMaps follow within two minutes, a stopped node later. */
  readonly overlapMs: number;
}

export const LIFETIMES: CertificateLifetimes = {
  authorityMs: 365 * DAY_MS,
  certificateMs: 90 * DAY_MS,
  skewMs: 5 * MINUTE_MS,
  overlapMs: HOUR_MS,
};

/** Looked at this often even when nothing seems due: a suspended machine or a jump of the clock is noticed. */
export const LOOK_AGAIN_MS = HOUR_MS;

/** Inject with `@inject(CERTIFICATE_LIFETIMES)`. */
export const CERTIFICATE_LIFETIMES: InjectionToken<CertificateLifetimes> = Symbol('CertificateLifetimes');
