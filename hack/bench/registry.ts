/** Every benchmark there is, in the order in which they are listed. */
import type { Benchmark } from './benchmark';
import { burst } from './burst';
import { engine } from './engine';
import { flood } from './flood';
import { footprint } from './footprint';
import { framework } from './framework';
import { wakeLatency } from './wake-latency';
import { wakeMap } from './wake-map';

export const BENCHMARKS: readonly Benchmark[] = [burst, flood, wakeLatency, footprint, framework, engine, wakeMap];
