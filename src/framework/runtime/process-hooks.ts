/** Runs `@OnStartup`, `@OnShutdown` and `@Probe` methods. */
import type { HookSpec, ProbeSpec } from '../registry/handler-spec';
import type { HealthCheck } from '../serving/checks';
import type { Clock } from '../time/clock';
import type { ProcessContext } from './context';
import { runHandlerMethod } from './handler-run';
import type { Instances } from './instances';

type Method = Record<string, (context?: ProcessContext) => unknown>;

export class ProcessHooks {
  constructor(
    private readonly specs: readonly HookSpec[],
    private readonly instances: Instances,
    private readonly clock: Clock,
  ) {}

  /** Ascending order. @throws what the first failing hook throws: it ends the start. */
  async startUp(phase: HookSpec['phase'], context: ProcessContext): Promise<void> {
    for (const spec of this.inOrder('OnStartup', phase)) {
      const outcome = await this.run(spec, context);
      if (outcome.kind === 'failed') throw outcome.error;
      context.log.debug('start-up hook done', { controller: spec.id });
    }
  }

  /** Descending order; failures are logged and stop nothing. @returns whether all ended well. */
  async shutDown(phase: HookSpec['phase'], context: ProcessContext): Promise<boolean> {
    let clean = true;
    for (const spec of this.inOrder('OnShutdown', phase).reverse()) {
      const outcome = await this.run(spec, context);
      if (outcome.kind === 'ok') continue;
      clean = false;
      context.log.error('shutdown hook failed', { controller: spec.id, error: outcome.error });
    }
    return clean;
  }

  private inOrder(decorator: HookSpec['decorator'], phase: HookSpec['phase']): HookSpec[] {
    return this.specs.filter((spec) => spec.decorator === decorator && spec.phase === phase).sort((a, b) => a.order - b.order);
  }

  private run(spec: HookSpec, context: ProcessContext): ReturnType<typeof runHandlerMethod> {
    const instance = this.instances.of(spec.Class) as Method;
    return runHandlerMethod({
      clock: this.clock,
      timeoutMs: spec.timeoutMs,
      parent: context.signal,
      onAbandon: () => context.log.error('hook ignores its signal', { controller: spec.id }),
      call: async (signal) => {
        await instance[spec.method]!({ ...context, signal });
      },
    });
  }
}

/** A probe method as a health check: what it returns is the detail, what it throws the failure. */
export function probeCheck(spec: ProbeSpec, instances: Instances, clock: Clock): HealthCheck {
  return {
    name: spec.name,
    run: () =>
      new Promise((resolve) => {
        const timer = clock.setTimer(spec.timeoutMs, () => resolve({ state: 'failed', detail: `no answer within ${spec.timeoutMs} ms` }));
        Promise.resolve()
          .then(() => (instances.of(spec.Class) as Method)[spec.method]!())
          .then((detail) => resolve({ state: 'ok', detail: String(detail ?? '') }))
          .catch((error: unknown) => resolve({ state: 'failed', detail: error instanceof Error ? error.message : String(error) }))
          .finally(() => timer.cancel());
      }),
  };
}
