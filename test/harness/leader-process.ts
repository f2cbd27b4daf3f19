/**
 * A small operator for tests of leader election: reconciles ConfigMaps without a pause and leaves a trace of every write.
 *
 * Each run creates a few ConfigMaps that name this process. Their resourceVersions are the order in which the server took the writes
 * of all processes, whatever the processes believe themselves.
 *
 * Usage: node leader-process.js NAME NAMESPACE [election options as JSON]
 *
 * SIGUSR2 stops it, as SIGSTOP does, but never between the last look at the Lease and the write that it allows: what is being sent then
 * cannot be taken back by anybody.
 */
import { setTimeout as pause } from 'node:timers/promises';
import {
  ConfigMap,
  createOperator,
  Handler,
  loadOwnKubeConfig,
  OnShutdown,
  OnStartup,
  type ProcessContext,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
  WinstonLogger,
} from '../../src/framework';

const [, , NAME = '', NAMESPACE = '', election = '{}'] = process.argv;
const WRITES_PER_RUN = 5;
const PAUSE_MS = 60;

@Handler()
export class Tracer {
  private writes = 0;

  @OnStartup({ phase: 'leader' })
  begin(ctx: ProcessContext): void {
    ctx.log.info('term begins');
  }

  @OnShutdown({ phase: 'leader' })
  end(ctx: ProcessContext): void {
    ctx.log.info('term ends');
  }

  @Reconcile(ConfigMap, { select: { namespaces: [NAMESPACE], labels: 'role=work' }, resyncMs: 0 })
  async reconcile(work: ConfigMap, ctx: ReconcileContext<ConfigMap>): Promise<ReconcileResult> {
    const object = work.metadata?.name ?? '';
    ctx.log.info('run begins', { object, atMs: Date.now() });
    for (let n = 0; n < WRITES_PER_RUN; n++) {
      const name = `trace-${NAME}-${object}-${process.pid}-${this.writes++}`;
      // Deaf to the signal of the run on purpose: only the guard keeps a process that does not lead from writing.
      await ctx.client.create(ConfigMap, { metadata: { namespace: NAMESPACE, name, labels: { role: 'trace', writer: NAME } } });
      await pause(PAUSE_MS);
    }
    ctx.log.info('run ends', { object, atMs: Date.now() });
    return { requeueAfterMs: 1 };
  }
}

async function main(): Promise<number> {
  const operator = await createOperator({
    name: 'leader-test',
    namespace: NAMESPACE,
    instance: NAME,
    handlers: [Tracer],
    leaderElection: { lease: 'leader-test', ...(JSON.parse(election) as object) },
    kubeConfig: loadOwnKubeConfig({ environment: process.env }).kubeConfig,
    logger: WinstonLogger.create({ level: 'info', format: 'json' }),
  });
  process.once('SIGTERM', () => void operator.stop());
  process.on('SIGUSR2', () => process.kill(process.pid, 'SIGSTOP'));
  await operator.start();
  return operator.finished;
}

void main().then((code) => {
  process.exitCode = code;
});
