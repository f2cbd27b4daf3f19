/**
 * The certificate that the gRPC server of this replica shows.
 *
 * Owns: reading it from its Secret, again and again, and handing a new one to the server. Never: makes or repairs one.
 * Invariant: a pair that cannot be used keeps the one before; with client certificates asked for, nothing is served without the
 * authorities that they are verified against.
 */
import { X509Certificate } from 'node:crypto';
import type { ServerCredentials } from '@grpc/grpc-js';
import {
  CertificateMetrics,
  CLOCK,
  type Clock,
  ConfigMap,
  EventRecorder,
  inject,
  LOGGER,
  type Logger,
  type PemPair,
  Secret,
  type ServedCertificate,
  ServingCertificate,
  singleton,
} from '../../framework';
import { certificatesIn, pemProblem } from '../certificates/stored-certificate';
import { BUNDLE_CONFIG_MAP } from '../protocol/identity';
import { ServerTls } from '../protocol/server-tls';
import { WOL_SETTINGS, type WolSettings } from '../settings';
import { GrpcObjects } from '../trust/grpc-objects';

@singleton()
export class GrpcCertificate implements ServedCertificate {
  private readonly tls: ServerTls;
  private readonly serving: ServingCertificate;
  /** Expiry of the authority, in milliseconds since 1970. */
  private authorityExpiresAtMs: number | undefined;
  private clientAuthorities: string | undefined;

  constructor(
    private readonly objects: GrpcObjects,
    @inject(WOL_SETTINGS) private readonly settings: WolSettings,
    private readonly events: EventRecorder,
    metrics: CertificateMetrics,
    @inject(CLOCK) clock: Clock,
    @inject(LOGGER) log: Logger,
  ) {
    this.tls = new ServerTls({ clientCertificates: settings.grpc.mtls });
    const source = { load: () => this.load() };
    this.serving = new ServingCertificate({ use: 'grpc', source, clock, log, metrics, onProblem: (problem) => this.tell(problem) });
    this.serving.onChange((pair) => this.use(pair));
  }

  get credentials(): ServerCredentials {
    return this.tls;
  }

  get current(): PemPair | undefined {
    return this.serving.current;
  }

  onChange(listener: (pair: PemPair) => void): void {
    this.serving.onChange(listener);
  }

  /** Resolves after the first attempt, whether it succeeded or not. */
  async start(): Promise<void> {
    await this.serving.start();
    const refresh = (): void => void this.serving.refresh();
    this.objects.onChange(Secret, this.settings.grpc.serverPair, refresh);
    this.objects.onChange(ConfigMap, BUNDLE_CONFIG_MAP, refresh);
  }

  stop(): void {
    this.serving.stop();
  }

  /** Why nothing can be served; `undefined` when something can. */
  async problem(): Promise<string | undefined> {
    const { state, detail } = await this.serving.check().run();
    return state === 'ok' ? undefined : detail;
  }

  expiries(): { ca: number | undefined; server: number | undefined } {
    const pair = this.serving.current;
    const server = pair === undefined ? undefined : new X509Certificate(pair.certificate).validToDate.getTime();
    return { ca: this.authorityExpiresAtMs, server };
  }

  private async load(): Promise<PemPair> {
    const { serverPair, mtls } = this.settings.grpc;
    const place = `Secret ${this.settings.namespace}/${serverPair}`;
    const values = await this.objects.secret(serverPair);
    if (values === undefined) throw new Error(`${place} with keys tls.crt and tls.key does not exist`);
    const valueAt = (key: string): string => {
      const value = values[key];
      if (value === undefined || value === '') throw new Error(`${place} has no key ${key}`);
      return value;
    };
    const bundle = (await this.objects.configMap(BUNDLE_CONFIG_MAP))?.['ca.crt'];
    this.authorityExpiresAtMs = certificatesIn(values['ca.crt'] ?? bundle)[0]?.x509.validToDate.getTime();
    if (mtls) this.takeClientAuthorities(bundle);
    const pair = { certificate: valueAt('tls.crt'), privateKey: valueAt('tls.key') };
    const problem = pemProblem(pair.certificate, pair.privateKey);
    if (problem !== undefined) throw new Error(`${place}: ${problem}`);
    return pair;
  }

  /** An empty list would mean every authority that the platform trusts. */
  private takeClientAuthorities(bundle: string | undefined): void {
    const authorities = certificatesIn(bundle);
    if (authorities.length === 0)
      throw new Error(`key ca.crt of ConfigMap ${this.settings.namespace}/${BUNDLE_CONFIG_MAP} holds no certificate`);
    const text = authorities.map(({ pem }) => pem).join('');
    if (text === this.clientAuthorities) return;
    this.clientAuthorities = text;
    if (this.serving.current !== undefined) this.use(this.serving.current);
  }

  private use({ certificate, privateKey }: PemPair): void {
    this.tls.use({ certificate, privateKey, clientAuthorities: this.clientAuthorities });
  }

  private tell(problem: string): void {
    const { apiVersion, kind } = Secret;
    const about = { apiVersion, kind, metadata: { name: this.settings.grpc.serverPair, namespace: this.settings.namespace } };
    this.events.record({ about, type: 'Warning', reason: 'CertificateUnusable', note: problem, action: 'Serve' });
  }
}
