/**
 * Has Prometheus read the metrics of every Service that asks for it, if the Prometheus operator is installed.
 *
 * An optional kind may be absent: nothing fails and nothing is polled by hand. It starts to count when its CRD appears, and stops when
 * that goes, any number of times, without a restart.
 */
import { defineKind, Handler, type KubernetesObject, PRESENT, Reconcile, type ReconcileContext, Service } from 'virt-steward/framework';

interface ServiceMonitorObject extends KubernetesObject {
  spec?: { selector: { matchLabels: Record<string, string> }; endpoints: { port: string }[] };
}
export const ServiceMonitor = defineKind<ServiceMonitorObject>('monitoring.coreos.com/v1', 'ServiceMonitor', 'servicemonitors', {
  scope: 'Namespaced',
  optional: true,
});

/** Names the port to read metrics from. */
export const PORT_LABEL = 'example.org/metrics-port';

@Handler({ rbac: [{ kind: ServiceMonitor, verbs: ['create', 'patch'], why: 'one ServiceMonitor for each Service that asks for it' }] })
export class MonitoringHandler {
  @Reconcile(Service, { labels: { [PORT_LABEL]: PRESENT }, owns: [ServiceMonitor] })
  async reconcile(service: Service, ctx: ReconcileContext<Service>): Promise<void> {
    if (!ctx.cluster.serves(ServiceMonitor)) {
      ctx.log.debug('no Prometheus operator here');
      return;
    }
    const { namespace, name, labels = {} } = service.metadata!;
    const spec = { selector: { matchLabels: labels }, endpoints: [{ port: labels[PORT_LABEL]! }] };
    await ctx.client.applyChild(service, ServiceMonitor, { metadata: { namespace, name }, spec });
  }
}

export const handlers = [MonitoringHandler];
