/** Says on what a measurement was made. */
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGib: number;
  /** Version of Node.js, without the v. */
  readonly node: string;
  /** One-minute load average when the run began: what else was going on. */
  readonly loadBefore: number;
}

export function thisMachine(): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGib: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    loadBefore: Math.round(loadavg()[0]! * 10) / 10,
  };
}
