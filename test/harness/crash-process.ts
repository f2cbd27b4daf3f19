/**
 * A small operator for tests that kill it: for each Part a finalizer, two ConfigMaps and a status, so five writes with the annotation.
 *
 * Usage: node crash-process.js, with KUBECONFIG.
 */
import {
  ConfigMap,
  createOperator,
  Handler,
  loadOwnKubeConfig,
  OnCreate,
  OnDelete,
  Reconcile,
  type ReconcileContext,
  WinstonLogger,
} from '../../src/framework';
import { Part } from '../unit/framework/faults/world';

@Handler({ rbac: [{ kind: ConfigMap, verbs: ['create', 'patch'], why: 'two maps for each part' }] })
export class Sample {
  @OnCreate(Part, { remember: 'annotation' })
  async created(): Promise<void> {}

  @Reconcile(Part, { owns: [ConfigMap] })
  async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    const { name, namespace } = part.metadata ?? {};
    for (const which of ['first', 'second']) {
      const metadata = { name: `${name}-${which}`, namespace: namespace! };
      await ctx.client.applyChild(part, ConfigMap, { metadata, data: { size: String(part.spec?.size) } });
    }
    ctx.status.set({ size: part.spec?.size });
  }

  @OnDelete(Part, { finalizer: 'example.org/sample' })
  async clean(): Promise<void> {}
}

async function main(): Promise<number> {
  const operator = await createOperator({
    name: 'crash-test',
    domain: 'example.org',
    handlers: [Sample],
    kubeConfig: loadOwnKubeConfig({ environment: process.env }).kubeConfig,
    logger: WinstonLogger.create({ level: 'info', format: 'json' }),
  });
  process.once('SIGTERM', () => void operator.stop());
  await operator.start();
  return operator.finished;
}

void main().then((code) => {
  process.exitCode = code;
});
