/** When the certificates that are served expire, and whether new ones could be read. */
import { Counter, Gauge, type Registry } from 'prom-client';

export class CertificateMetrics {
  private readonly expiry: Gauge<'use'>;
  private readonly reloadErrors: Counter<'use'>;

  constructor(registry: Registry) {
    const labelNames = ['use'] as const;
    const registers = [registry];
    this.expiry = new Gauge({
      name: 'steward_certificate_expiry_timestamp_seconds',
      help: 'Unix time at which a certificate that is served expires.',
      labelNames,
      registers,
    });
    this.reloadErrors = new Counter({
      name: 'steward_certificate_reload_errors_total',
      help: 'Certificates that could not be taken into use; the one before stays.',
      labelNames,
      registers,
    });
  }

  /** @param use what is served: `metrics`, or what a module serves. */
  loaded(use: string, expiresAtMs: number): void {
    this.expiry.set({ use }, expiresAtMs / 1_000);
    this.reloadErrors.inc({ use }, 0);
  }

  failed(use: string): void {
    this.reloadErrors.inc({ use });
  }
}
