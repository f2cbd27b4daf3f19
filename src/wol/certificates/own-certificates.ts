/**
 * Mode `self`: an authority of our own, and the certificates it signs, kept in Secrets.
 *
 * Expected flow: authority -> published -> server certificate (-> client certificate of the agents); each pass carries out what is due
 * and says when to look again.
 * Guarantees: an authority is stored before it is published, and published before anything signed by it is served, so that a kill
 * between any two writes loses nothing; a steady state costs three or four reads and no write.
 * Assumptions: one process at a time replaces (the leader); any may create.
 * Errors: NotOursError for an object of ours by name only; LeftToLeaderError when the store may only create.
 */
import { type Clock, isOperatorError, type PemPair, timestampMs, timestampOf } from '../../framework';
import { AGENT_SECRET, AUTHORITY_SECRET, BUNDLE_CONFIG_MAP, SERVER_SECRET } from '../protocol/identity';
import {
  type Authorities,
  authoritiesToPublish,
  authorityStep,
  type CertificateWish,
  isDue,
  nextLookMs,
  type Publication,
} from './authority-rotation';
import type { CertificateStore, StoredValues } from './certificate-store';
import { type CertificateSubject, createAuthority, issueCertificate, type Validity } from './issue-certificate';
import { type CertificateLifetimes, LOOK_AGAIN_MS } from './lifetimes';
import { certificatesIn, isExpired, isIssuedBy, pairIn, type StoredCertificate, type StoredPair } from './stored-certificate';

/** When the newest authority joined the published ones. */
const PUBLISHED_SINCE = 'virt-steward.io/authorities-since';
/** A race is lost to one other replica at a time; more in a row mean something else is wrong. */
const MAX_RACES = 5;

export interface OwnCertificatesOptions {
  readonly store: CertificateStore;
  readonly clock: Clock;
  readonly lifetimes: CertificateLifetimes;
  /** Names of the server. */
  readonly hosts: readonly string[];
  /** User name of the agents in client certificates; `undefined` = agents have none. */
  readonly agentUser: string | undefined;
  /** Told of everything that was made, by its name; for the log. */
  readonly onMade: (what: string) => void;
}

export class OwnCertificates {
  constructor(private readonly options: OwnCertificatesOptions) {}

  /** @returns milliseconds after which to look again. */
  async maintain(): Promise<number> {
    for (let race = 1; ; race++) {
      try {
        return await this.pass();
      } catch (error) {
        if (race >= MAX_RACES || !isOperatorError(error, 'RACED')) throw error;
      }
    }
  }

  private async pass(): Promise<number> {
    const { clock, hosts, agentUser, lifetimes } = this.options;
    const server = await this.options.store.secret(SERVER_SECRET);
    let bundle = await this.options.store.configMap(BUNDLE_CONFIG_MAP);
    const authorities = await this.authorities(publicationOf(bundle));
    const signing = authorities.signing as StoredPair;
    bundle = await this.publish(bundle, authorities, issuerOf(server, clock.now()));
    const publication = publicationOf(bundle);
    const ctx = { signing, publication };
    const made = [await this.certificate(SERVER_SECRET, server, { usage: 'server', hosts }, ctx)];
    if (agentUser !== undefined) {
      const agent = await this.options.store.secret(AGENT_SECRET);
      made.push(await this.certificate(AGENT_SECRET, agent, { usage: 'client', user: agentUser }, ctx));
    }
    return Math.min(LOOK_AGAIN_MS, nextLookMs(authorities, made, publication, lifetimes, clock.now()));
  }

  /** Brings the authorities to where they should be, one stored step after the other. */
  private async authorities(publication: Publication): Promise<Authorities> {
    const { store, clock, lifetimes } = this.options;
    let stored = await store.secret(AUTHORITY_SECRET);
    let authorities = authoritiesOf(stored);
    for (;;) {
      const step = authorityStep(authorities, publication, lifetimes, clock.now());
      if (step === 'keep') return authorities;
      stored = await store.writeSecret(AUTHORITY_SECRET, stored, 'Opaque', await this.after(step, authorities));
      authorities = authoritiesOf({ ...stored });
    }
  }

  private async after(step: string, { signing, next, previous }: Authorities): Promise<Record<string, string>> {
    const nowMs = this.options.clock.now();
    const retired =
      step === 'create-signing' || step === 'promote-next' ? [...previous, ...(signing === undefined ? [] : [signing])] : previous;
    const kept = retired.filter((authority) => !isExpired(authority, nowMs));
    const create = (): Promise<PemPair> => this.createAuthority(nowMs);
    switch (step) {
      case 'create-signing':
        return authorityValues(await create(), undefined, kept);
      case 'create-next':
        return authorityValues(signing?.pair, await create(), kept);
      case 'promote-next':
        return authorityValues(next?.pair, undefined, kept);
      default:
        return authorityValues(signing?.pair, next?.pair, kept);
    }
  }

  private createAuthority(nowMs: number): Promise<PemPair> {
    const { lifetimes, onMade } = this.options;
    onMade('authority');
    return createAuthority({ notBeforeMs: nowMs - lifetimes.skewMs, notAfterMs: nowMs + lifetimes.authorityMs });
  }

  private async publish(bundle: StoredValues, authorities: Authorities, issuer: StoredCertificate | undefined): Promise<StoredValues> {
    const { store, clock } = this.options;
    const known = publicationOf(bundle);
    const wanted = authoritiesToPublish(authorities, issuer, clock.now());
    const isNew = known.completeSinceMs === undefined || wanted.some((one) => !has(known.authorities, one));
    const annotations = { [PUBLISHED_SINCE]: isNew ? roundedUp(clock.now()) : (bundle.annotations[PUBLISHED_SINCE] as string) };
    const values = { 'ca.crt': wanted.map(({ pem }) => pem).join('') };
    await store.writeConfigMap(BUNDLE_CONFIG_MAP, bundle, values, annotations);
    return { ...bundle, values, annotations };
  }

  /** @returns the certificate that is stored now. */
  private async certificate(
    name: string,
    stored: StoredValues,
    subject: CertificateSubject,
    { signing, publication }: { signing: StoredPair; publication: Publication },
  ): Promise<StoredCertificate> {
    const { store, clock, lifetimes, onMade } = this.options;
    const nowMs = clock.now();
    const current = pairIn(stored.values['tls.crt'], stored.values['tls.key']);
    const issuer = current === undefined ? undefined : certificatesIn(stored.values['ca.crt']).find((one) => isIssuedBy(current, one));
    // Without its issuer beside it a Secret is broken, too: `ca.crt` is what other readers of it trust.
    const usable = issuer === undefined ? undefined : current;
    const wish: CertificateWish =
      subject.usage === 'server' ? { hosts: subject.hosts, user: undefined } : { hosts: undefined, user: subject.user };
    if (!isDue(usable, wish, signing, publication, lifetimes, nowMs)) return usable as StoredPair;
    onMade(`${subject.usage} certificate`);
    const pair = await issueCertificate(signing.pair, subject, this.validity(signing, nowMs));
    const values = { 'tls.crt': pair.certificate, 'tls.key': pair.privateKey, 'ca.crt': signing.pem };
    await store.writeSecret(name, stored, 'kubernetes.io/tls', values);
    return certificatesIn(pair.certificate)[0] as StoredCertificate;
  }

  /** Nothing outlives who signed it. */
  private validity(signing: StoredCertificate, nowMs: number): Validity {
    const { skewMs, certificateMs } = this.options.lifetimes;
    return { notBeforeMs: nowMs - skewMs, notAfterMs: Math.min(nowMs + certificateMs, signing.x509.validToDate.getTime()) };
  }
}

function authoritiesOf({ values }: Pick<StoredValues, 'values'>): Authorities {
  return {
    signing: authorityIn(values['ca.crt'], values['ca.key']),
    next: authorityIn(values['next.crt'], values['next.key']),
    previous: certificatesIn(values['previous.crt']),
  };
}

function authorityIn(certificate: string | undefined, key: string | undefined): StoredPair | undefined {
  const pair = pairIn(certificate, key);
  return pair?.x509.ca === true ? pair : undefined;
}

function authorityValues(
  signing: PemPair | undefined,
  next: PemPair | undefined,
  previous: readonly StoredCertificate[],
): Record<string, string> {
  return {
    ...(signing === undefined ? {} : { 'ca.crt': signing.certificate, 'ca.key': signing.privateKey }),
    ...(next === undefined ? {} : { 'next.crt': next.certificate, 'next.key': next.privateKey }),
    ...(previous.length === 0 ? {} : { 'previous.crt': previous.map(({ pem }) => pem).join('') }),
  };
}

function publicationOf({ values, annotations }: Pick<StoredValues, 'values' | 'annotations'>): Publication {
  return { authorities: certificatesIn(values['ca.crt']), completeSinceMs: timestampMs(annotations[PUBLISHED_SINCE]) };
}

/** Who signed the certificate that is served, if that can be told. */
function issuerOf({ values }: StoredValues, nowMs: number): StoredCertificate | undefined {
  const current = pairIn(values['tls.crt'], values['tls.key']);
  if (current === undefined || isExpired(current, nowMs)) return undefined;
  return certificatesIn(values['ca.crt']).find((authority) => isIssuedBy(current, authority));
}

/** The stored form has whole seconds; a moment too early would cut the overlap short. */
function roundedUp(timeMs: number): string {
  return timestampOf(timeMs + 999);
}

function has(authorities: readonly StoredCertificate[], wanted: StoredCertificate): boolean {
  return authorities.some(({ x509 }) => x509.fingerprint256 === wanted.x509.fingerprint256);
}
