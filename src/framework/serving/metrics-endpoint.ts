/**
 * The `/metrics` endpoint with everything it takes: server, certificate, access check.
 *
 * Owns: what depends on what, and the order of start and end.
 */
import type { KubeClient } from '../client';
import type { Logger } from '../logging/logger';
import type { Clock } from '../time/clock';
import { TokenAccess } from './access/token-access';
import type { ListenAddress } from './address';
import type { HealthCheck } from './checks';
import type { FrameworkMetrics } from './metrics/framework-metrics';
import { METRICS_PATH, MetricsServer } from './metrics-server';
import { CertificateFiles } from './tls/certificate-files';
import type { CertificateSource, ServedCertificate } from './tls/certificate-source';
import { SelfSigned } from './tls/self-signed';
import { ServingCertificate } from './tls/serving-certificate';

export interface MetricsEndpointOptions {
  readonly metrics: FrameworkMetrics;
  readonly secure: boolean;
  /** Certificate and key, PEM. */
  readonly files: { readonly certificate: string; readonly key: string } | undefined;
  /** Without files: a certificate that is served elsewhere; without either, and as long as it has none, a self-signed one is made. */
  readonly shared?: () => ServedCertificate | undefined;
  /** Asks about callers; must work on a replica that does not lead. */
  readonly client: Pick<KubeClient, 'raw'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Name in a self-signed certificate. */
  readonly hostName: string;
}

/** RFC 5280, ub-common-name. */
const MAX_COMMON_NAME_CHARS = 64;

export class MetricsEndpoint {
  private readonly certificate: ServingCertificate | undefined;
  private server: MetricsServer | undefined;

  constructor(private readonly options: MetricsEndpointOptions) {
    const { secure, clock, log, metrics } = options;
    if (secure) {
      this.certificate = new ServingCertificate({ use: 'metrics', source: this.source(), clock, log, metrics: metrics.certificates });
    }
  }

  /** Readiness. */
  get checks(): readonly HealthCheck[] {
    return this.certificate === undefined ? [] : [this.certificate.check()];
  }

  /** @returns the port in use. @throws the socket's error when the address cannot be bound. */
  async listen(address: ListenAddress): Promise<number> {
    const { metrics, client, clock, log } = this.options;
    const { certificate } = this;
    await certificate?.start();
    if (certificate !== undefined) this.sharedCertificate()?.onChange(() => void certificate.refresh());
    const security = certificate && { certificate, access: new TokenAccess({ client, clock, log, path: METRICS_PATH }) };
    this.server = new MetricsServer(metrics.registry, security);
    return this.server.listen(address);
  }

  async close(): Promise<void> {
    this.certificate?.stop();
    await this.server?.close();
  }

  private source(): CertificateSource {
    const { files, clock, hostName } = this.options;
    if (files !== undefined) return new CertificateFiles(files.certificate, files.key);
    const commonName = hostName.slice(0, MAX_COMMON_NAME_CHARS);
    const selfSigned = new SelfSigned({ clock, commonName, dnsNames: [hostName, 'localhost'] });
    return { load: async () => this.sharedCertificate()?.current ?? selfSigned.load() };
  }

  private sharedCertificate(): ServedCertificate | undefined {
    const { files, shared } = this.options;
    return files === undefined ? shared?.() : undefined;
  }
}
