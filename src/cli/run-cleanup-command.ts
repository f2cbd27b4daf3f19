/** `virt-steward cleanup`, from checked options to exit code. Loaded only then: it needs the Kubernetes client. */
import { SystemClock } from '../framework';
import { onTermination } from '../framework/basics';
import { openCaller } from './caller';
import type { CallerFlags } from './caller-flags';
import { MANAGER_LEASE } from './lease-name';
import type { ModuleName } from './module-names';
import type { CommandIo } from './program';
import { cleanUp } from './removal/clean-up';
import { REMOVALS } from './removal/removals';

export interface CleanupOptions {
  readonly deployment: string;
  readonly timeoutMs: number;
  readonly modules: readonly ModuleName[];
  readonly confirmRelease?: (question: string) => Promise<boolean>;
}

export async function runCleanupCommand({ modules, ...options }: CleanupOptions, flags: CallerFlags, io: CommandIo): Promise<number> {
  const clock = new SystemClock();
  const { client, close, operatorNamespace: namespace } = openCaller('cleanup', flags, io.env, clock);
  const termination = onTermination();
  const removals = modules.map((name) => REMOVALS[name]);
  const { signal } = termination;
  try {
    const running = cleanUp({ ...options, ...io, client, clock, namespace, removals, lease: MANAGER_LEASE, signal });
    return await Promise.race([running, termination.forced]);
  } finally {
    termination.release();
    close();
  }
}
