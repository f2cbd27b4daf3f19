/**
 * Where the API server is and how we prove who we are.
 *
 * Expected flow: `current` answers from memory -> the answer ages or a 401 comes -> the kubeconfig library is asked once for all callers.
 * Guarantees: at most one question to the library at a time; token and certificate files are read anew; nothing secret is in an error.
 * Assumptions: the kubeconfig was checked by its policy before it came here; asking may read files, run an exec plugin or call an
 * identity provider.
 * Caveats: tokens that are no JWT carry no expiry we could read; for them the 401 path does the renewal.
 * Errors: TransportError (connect, not-sent) when the library fails, so that callers retry as for any failed connect.
 */
import { createHash, X509Certificate } from 'node:crypto';
import type { OutgoingHttpHeaders, RequestOptions } from 'node:http';
import type { SecureContextOptions } from 'node:tls';
import { type Cluster, KubeConfig, type User } from '@kubernetes/client-node';
import { TransportError } from '../errors/api-error';
import { maskMessage } from '../logging/mask';
import type { Clock } from '../time/clock';
import { timestampMs } from '../time/timestamp';

/** An answer is used this long, so that rotated files are seen. */
const REUSE_MS = 60_000;
/** A credential this close to its expiry is renewed before it is used. */
const EXPIRY_MARGIN_MS = 10_000;
/** A credential that is always about to expire must not start a plugin for every call. */
const MIN_REUSE_MS = 1_000;

export interface TlsMaterial {
  readonly ca?: SecureContextOptions['ca'];
  readonly cert?: SecureContextOptions['cert'];
  readonly key?: SecureContextOptions['key'];
  readonly pfx?: SecureContextOptions['pfx'];
  readonly passphrase?: string | undefined;
  readonly servername?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

export interface ResolvedCredentials {
  /** Base address; its path is put before every request path. */
  readonly server: URL;
  /** Authorization and impersonation. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
  readonly proxyUrl: string | undefined;
  /** For a SOCKS proxy: the agent the library made for it. */
  readonly socksAgent: RequestOptions['agent'];
  /** SHA-256 over everything above: equal means nothing has changed. */
  readonly fingerprint: string;
  /** The same without headers: connections may stay when only this is equal. */
  readonly connectionFingerprint: string;
}

/** What the transport needs of credentials. */
export interface CredentialSource {
  current(): Promise<ResolvedCredentials>;
  /** After a 401: renews, unless somebody has already replaced the credential that was refused. */
  refresh(refused: string): Promise<ResolvedCredentials>;
}

interface Cached {
  readonly credentials: ResolvedCredentials;
  readonly usableUntilMs: number;
  readonly needsNewSession: boolean;
}

export class Credentials implements CredentialSource {
  private session: KubeConfig;
  private cached: Cached | undefined;
  private pending: Promise<ResolvedCredentials> | undefined;
  private generation = 0;

  constructor(
    private source: KubeConfig,
    private readonly clock: Clock,
  ) {
    this.session = sessionOf(source);
  }

  async current(): Promise<ResolvedCredentials> {
    if (this.pending !== undefined) return this.pending;
    if (this.cached !== undefined && this.clock.monotonicMs() < this.cached.usableUntilMs) return this.cached.credentials;
    return this.renew(this.cached?.needsNewSession ?? false);
  }

  async refresh(refused: string): Promise<ResolvedCredentials> {
    if (this.pending !== undefined) return this.pending;
    if (this.cached !== undefined && this.cached.credentials.fingerprint !== refused) return this.cached.credentials;
    return this.renew(true);
  }

  /** Continues with another kubeconfig; calls made from now on use it. */
  swap(source: KubeConfig): void {
    this.generation++;
    this.source = source;
    this.session = sessionOf(source);
    this.cached = undefined;
    this.pending = undefined;
  }

  /** @param anew forgets what the library remembers: plugin answers and token files. */
  private renew(anew: boolean): Promise<ResolvedCredentials> {
    if (anew) this.session = sessionOf(this.source);
    const generation = this.generation;
    const pending = this.ask(this.session, generation).finally(() => {
      if (this.pending === pending) this.pending = undefined;
    });
    this.pending = pending;
    return pending;
  }

  private async ask(session: KubeConfig, generation: number): Promise<ResolvedCredentials> {
    const options: RequestOptions & TlsMaterial = { headers: {} };
    try {
      await session.applyToHTTPSOptions(options);
    } catch (cause) {
      const text = maskMessage(cause instanceof Error ? cause.message : String(cause), 256);
      throw new TransportError('connect', 'not-sent', `credentials could not be obtained: ${text}`);
    }
    const cluster = session.getCurrentCluster()!;
    const credentials = resolved(cluster, options);
    if (generation === this.generation) this.cached = this.cacheEntry(credentials, session.getCurrentUser() ?? undefined, session);
    return credentials;
  }

  private cacheEntry(credentials: ResolvedCredentials, user: User | undefined, session: KubeConfig): Cached {
    const nowMs = this.clock.monotonicMs();
    const expiresAt = expiryOf(credentials, session, user);
    const leftMs = expiresAt === undefined ? Number.POSITIVE_INFINITY : expiresAt - this.clock.now() - EXPIRY_MARGIN_MS;
    const reuseMs = Math.max(MIN_REUSE_MS, Math.min(REUSE_MS, leftMs));
    return { credentials, usableUntilMs: nowMs + reuseMs, needsNewSession: leftMs <= REUSE_MS || usesTokenFile(user) };
  }
}

/**
 * A copy of the current context only, with its own memory of plugin answers, token files and agents.
 *
 * The library applies the CA only where there is a user, and refuses plain HTTP unless verification is off; the copy grants both.
 */
function sessionOf(source: KubeConfig): KubeConfig {
  const cluster = source.getCurrentCluster();
  if (cluster === null) throw new TypeError('the kubeconfig has no usable current context');
  const user = source.getCurrentUser() ?? { name: 'anonymous' };
  const session = new KubeConfig();
  const isPlain = cluster.server.startsWith('http:');
  session.loadFromClusterAndUser(isPlain ? { ...cluster, skipTLSVerify: true } : cluster, user);
  return session;
}

function resolved(cluster: Cluster, options: RequestOptions & TlsMaterial): ResolvedCredentials {
  const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options;
  const tls: TlsMaterial = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized };
  const headers = headersOf(options.headers as OutgoingHttpHeaders | undefined, options.auth ?? undefined);
  const proxyUrl = cluster.proxyUrl === undefined || cluster.proxyUrl === '' ? undefined : cluster.proxyUrl;
  const connection = [cluster.server, proxyUrl, ca, cert, key, pfx, passphrase, servername, rejectUnauthorized];
  return {
    server: new URL(cluster.server),
    headers,
    tls,
    proxyUrl,
    socksAgent: proxyUrl?.startsWith('socks') === true ? options.agent : undefined,
    connectionFingerprint: digest(connection),
    fingerprint: digest([...connection, ...Object.entries(headers).flat()]),
  };
}

/** Lower-case names, values without the line end that token files end with. */
function headersOf(headers: OutgoingHttpHeaders | undefined, basic: string | undefined): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value !== undefined) plain[name.toLowerCase()] = String(value).trim();
  }
  if (basic !== undefined && plain['authorization'] === undefined) {
    plain['authorization'] = `Basic ${Buffer.from(basic).toString('base64')}`;
  }
  return plain;
}

function digest(parts: readonly unknown[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = Buffer.isBuffer(part) ? part : Buffer.from(String(part ?? ''));
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest('hex');
}

/** When the credential ends, in wall-clock milliseconds: the earliest of token, certificate and plugin answer. */
function expiryOf({ headers, tls }: ResolvedCredentials, session: KubeConfig, user: User | undefined): number | undefined {
  const ends = [jwtExpiryMs(headers['authorization']), certificateExpiryMs(tls.cert), pluginExpiryMs(session, user)];
  const known = ends.filter((end) => end !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function jwtExpiryMs(authorization: string | undefined): number | undefined {
  const payload = /^Bearer [^.]+\.([^.]+)\./i.exec(authorization ?? '')?.[1];
  if (payload === undefined) return undefined;
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 : undefined;
  } catch {
    return undefined; // Three parts joined by dots, but no JWT.
  }
}

function certificateExpiryMs(cert: TlsMaterial['cert']): number | undefined {
  if (cert === undefined || Array.isArray(cert)) return undefined;
  try {
    return new X509Certificate(cert).validToDate.getTime();
  } catch {
    return undefined; // The TLS library will say what is wrong with it.
  }
}

/**
 * The library keeps what an exec plugin answered, and its expiry, to itself. Reading it saves one 401 for every rotation; where
 * the field is gone no expiry is known and the 401 path still works.
 */
function pluginExpiryMs(session: KubeConfig, user: User | undefined): number | undefined {
  if (user?.exec === undefined || user.exec === null) return undefined;
  const { authenticators } = session as unknown as { authenticators?: { tokenCache?: Record<string, unknown> }[] };
  for (const { tokenCache } of authenticators ?? []) {
    const answer = tokenCache?.[user.name] as { status?: { expirationTimestamp?: string } } | undefined;
    if (answer?.status?.expirationTimestamp !== undefined) return timestampMs(answer.status.expirationTimestamp);
  }
  return undefined;
}

function usesTokenFile(user: User | undefined): boolean {
  const { config } = (user?.authProvider ?? {}) as { config?: { tokenFile?: unknown } };
  return typeof config?.tokenFile === 'string';
}
