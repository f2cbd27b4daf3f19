/** Every benchmark there is, in the order in which they are listed. */
import type { Benchmark } from './benchmark';
import { burst } from './burst';
import { duplicates } from './duplicates';
import { engine } from './engine';
import { flood } from './flood';
import { footprint } from './footprint';
import { framework } from './framework';
import { machines } from './machines';
import { managerMemory } from './manager-memory';
import { newVm } from './new-vm';
import { outage } from './outage';
import { platform } from './platform';
import { render } from './render';
import { wakeLatency } from './wake-latency';
import { wakeMap } from './wake-map';
import { wol } from './wol';

export const BENCHMARKS: readonly Benchmark[] = [
  wol,
  burst,
  flood,
  duplicates,
  outage,
  wakeLatency,
  newVm,
  managerMemory,
  wakeMap,
  platform,
  machines,
  footprint,
  framework,
  engine,
  render,
];
