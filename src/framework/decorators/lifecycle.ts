/** `@OnStartup`, `@OnShutdown`, `@Probe`: hooks on the process or on its leadership instead of on objects. */
import type { ProcessContext } from '../runtime/context';
import { declare, type MethodDecoratorOf } from './declaration';

export interface HookOptions {
  /**
   * `process`: on every replica, once. `leader`: for each term of leadership, before the first and after the last handler;
   * without leader election the process is one term. @default 'process'
   */
  phase?: 'process' | 'leader';
  /** Ascending at start, descending at shutdown. @default 100 */
  order?: number;
  /** Milliseconds. @default 60000 at start, 10000 at shutdown */
  timeoutMs?: number;
}

/** Before informers start, or on gaining leadership before queues run. A failure ends the process with its error. */
export function OnStartup(options: HookOptions = {}): MethodDecoratorOf<(ctx: ProcessContext) => void | Promise<void>> {
  return declare('OnStartup', undefined, options);
}

/** After informers stopped, or before the Lease is given up; when it was lost, writes are refused. A failure is logged. */
export function OnShutdown(options: HookOptions = {}): MethodDecoratorOf<(ctx: ProcessContext) => void | Promise<void>> {
  return declare('OnShutdown', undefined, options);
}

export interface ProbeOptions {
  /** Which endpoint answers for it. @default 'readiness' */
  of?: 'readiness' | 'liveness' | 'both';
  /** Milliseconds. @default 1000 */
  timeoutMs?: number;
}

/** Method: returns the detail text when all is well, throws with the cause when not. */
export function Probe(name: string, options: ProbeOptions = {}): MethodDecoratorOf<() => string | Promise<string>> {
  return declare('Probe', undefined, { ...options, name });
}
