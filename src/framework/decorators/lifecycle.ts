/** `@OnStartup`, `@OnShutdown`, `@Probe`: hooks on the process instead of on objects; they run on every replica. */
import type { ProcessContext } from '../runtime/context';
import { declare, type MethodDecoratorOf } from './declaration';

export interface HookOptions {
  /** Ascending at start, descending at shutdown. @default 100 */
  order?: number;
  /** Milliseconds. @default 60000 at start, 10000 at shutdown */
  timeoutMs?: number;
}

/** Before informers start. A failure ends the start with its error. */
export function OnStartup(options: HookOptions = {}): MethodDecoratorOf<(ctx: ProcessContext) => void | Promise<void>> {
  return declare('OnStartup', undefined, options);
}

/** After informers stopped. A failure is logged. */
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
