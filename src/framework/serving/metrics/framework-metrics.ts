/**
 * Every metric of the framework, in one registry.
 *
 * Owns: the parts, and which hook feeds which. Never: has a label that holds the name of an object.
 */
import type { Registry } from 'prom-client';
import type { Clock } from '../../time/clock';
import { ApiMetrics } from './api-metrics';
import { CertificateMetrics } from './certificate-metrics';
import { HandlerMetrics } from './handler-metrics';
import { InformerMetrics } from './informer-metrics';
import { type BuildFacts, ProcessMetrics } from './process-metrics';
import { QueueMetrics } from './queue-metrics';

export class FrameworkMetrics {
  readonly handlers: HandlerMetrics;
  readonly queues: QueueMetrics;
  readonly api: ApiMetrics;
  readonly informers: InformerMetrics;
  readonly certificates: CertificateMetrics;
  readonly process: ProcessMetrics;

  constructor(
    readonly registry: Registry,
    clock: Clock,
    build: BuildFacts,
  ) {
    this.queues = new QueueMetrics(registry);
    this.handlers = new HandlerMetrics(registry, (kind, cluster) => this.queues.retried(kind.id, cluster));
    this.api = new ApiMetrics(registry, clock);
    this.informers = new InformerMetrics(registry, clock);
    this.certificates = new CertificateMetrics(registry);
    this.process = new ProcessMetrics(registry, build);
  }
}
