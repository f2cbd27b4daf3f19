/**
 * When an authority is replaced, what is published meanwhile, and when a certificate is made anew. Pure.
 *
 * Expected flow: one authority signs -> at two thirds of its life a next one is made and published beside it -> an hour after that the
 * next one signs and the old one becomes a previous one -> the previous one is forgotten when it has expired.
 * Guarantees: nothing is signed by an authority that agents have had less than the overlap to learn of, unless there is nothing else
 * to serve; a published authority stays published until it has expired.
 * Assumptions: the caller carries out one step, stores it, and asks again; a step that is lost is simply answered again.
 */
import type { CertificateLifetimes } from './lifetimes';
import { isExpired, isFor, isIssuedBy, renewAtMs, type StoredCertificate, type StoredPair } from './stored-certificate';

export interface Authorities {
  /** Signs now. */
  readonly signing: StoredPair | undefined;
  /** Signs as soon as agents had time to learn of it. */
  readonly next: StoredPair | undefined;
  /** Have signed; without their keys, which nobody needs any more. */
  readonly previous: readonly StoredCertificate[];
}

export type AuthorityStep = 'keep' | 'create-signing' | 'create-next' | 'promote-next' | 'forget-expired';

/** What is published, and since when: every authority in it has been there for at least that long. */
export interface Publication {
  readonly authorities: readonly StoredCertificate[];
  readonly completeSinceMs: number | undefined;
}

export function authorityStep(
  { signing, next, previous }: Authorities,
  publication: Publication,
  { overlapMs }: CertificateLifetimes,
  nowMs: number,
): AuthorityStep {
  if (signing === undefined || isExpired(signing, nowMs)) {
    return next === undefined || isExpired(next, nowMs) ? 'create-signing' : 'promote-next';
  }
  if (next !== undefined && hasBeenPublished(next, publication, overlapMs, nowMs)) return 'promote-next';
  if (next === undefined && renewAtMs(signing) <= nowMs) return 'create-next';
  return previous.some((authority) => isExpired(authority, nowMs)) ? 'forget-expired' : 'keep';
}

/** Whoever signs or signed and is still valid, the newest first. */
export function authoritiesToPublish(
  { signing, next, previous }: Authorities,
  issuerInUse: StoredCertificate | undefined,
  nowMs: number,
): StoredCertificate[] {
  const all = [next, signing, ...previous, issuerInUse].filter((one) => one !== undefined).filter((one) => !isExpired(one, nowMs));
  return [...new Map(all.map((one) => [one.x509.fingerprint256, one])).values()];
}

export interface CertificateWish {
  /** Host names of a server; a client has none. */
  readonly hosts: readonly string[] | undefined;
  /** Common name of a client. */
  readonly user: string | undefined;
}

/** Whether a certificate has to be made now, whoever signs. */
export function isDue(
  current: StoredPair | undefined,
  wish: CertificateWish,
  signing: StoredCertificate,
  publication: Publication,
  { overlapMs }: CertificateLifetimes,
  nowMs: number,
): boolean {
  if (current === undefined || isExpired(current, nowMs) || !fits(current, wish)) return true;
  const isTrusted = publication.authorities.some((authority) => isIssuedBy(current, authority));
  if (!isTrusted) return true;
  const isOld = renewAtMs(current) <= nowMs || !isIssuedBy(current, signing);
  return isOld && hasBeenPublished(signing, publication, overlapMs, nowMs);
}

/** Milliseconds until something may be due; never less than one second. */
export function nextLookMs(
  { signing, next }: Authorities,
  certificates: readonly StoredCertificate[],
  publication: Publication,
  { overlapMs }: CertificateLifetimes,
  nowMs: number,
): number {
  const times = certificates.map(renewAtMs);
  if (signing !== undefined && next === undefined) times.push(renewAtMs(signing));
  if (signing !== undefined) times.push(signing.x509.validToDate.getTime());
  if (publication.completeSinceMs !== undefined) times.push(publication.completeSinceMs + overlapMs);
  return Math.max(1_000, Math.min(Number.POSITIVE_INFINITY, ...times.filter((time) => time > nowMs)) - nowMs);
}

function fits(current: StoredCertificate, { hosts, user }: CertificateWish): boolean {
  if (hosts !== undefined) return isFor(current, hosts);
  return current.x509.subject === `CN=${user}`;
}

function hasBeenPublished(authority: StoredCertificate, publication: Publication, forMs: number, nowMs: number): boolean {
  const isThere = publication.authorities.some(({ x509 }) => x509.fingerprint256 === authority.x509.fingerprint256);
  return isThere && publication.completeSinceMs !== undefined && publication.completeSinceMs + forMs <= nowMs;
}
