/** The tables at the end: pure. */
import { table } from './table';
import type { Measurement } from './wake';

/** One packet. */
export interface WakeRow {
  readonly machine: string;
  readonly runStrategy: string;
  readonly config: string;
  /** `undefined` = nothing was to happen, and nothing happened. */
  readonly measurement: Measurement | undefined;
}

/** Something that was done to an object, and what came of it. */
export interface SeenRow {
  readonly object: string;
  readonly done: string;
  readonly outcome: string;
  readonly afterMs: number;
}

const WAKE_HEADINGS = ['VIRTUAL MACHINE', 'RUN STRATEGY', 'WOLCONFIG', 'PACKET -> START ACCEPTED', '-> RUNNING'];
const EXPLANATION = `  The first time is from the packet at the agent to the answer of the start subresource (wol_start_latency_seconds).
  The second is that of the stand-in; on a cluster KubeVirt and the guest take theirs.`;
const SEEN_HEADINGS = ['OBJECT', 'WHAT WAS DONE', 'WHAT CAME OF IT', 'AFTER'];

export function wakeTable(rows: readonly WakeRow[]): string {
  return `${table([WAKE_HEADINGS, ...rows.map(wakeCells)])}\n\n${EXPLANATION}`;
}

export function seenTable(rows: readonly SeenRow[]): string {
  return table([SEEN_HEADINGS, ...rows.map(({ object, done, outcome, afterMs }) => [object, done, outcome, `${afterMs.toFixed(0)} ms`])]);
}

function wakeCells({ machine, runStrategy, config, measurement }: WakeRow): string[] {
  const times =
    measurement === undefined
      ? ['not started', 'still Stopped']
      : [`${measurement.startMs.toFixed(0)} ms`, `${measurement.bootMs.toFixed(0)} ms`];
  return [machine, runStrategy, config, ...times];
}
