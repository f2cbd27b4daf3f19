/** The table at the end: pure. */
import { nameOf } from './machine-states';
import type { SampleWake } from './sample-objects';
import type { Measurement } from './wake';

export interface SummaryRow {
  readonly wake: SampleWake;
  readonly runStrategy: string;
  /** `undefined` = nothing was to happen, and nothing happened. */
  readonly measurement: Measurement | undefined;
}

const HEADINGS = ['VIRTUAL MACHINE', 'RUN STRATEGY', 'WOLCONFIG', 'PACKET -> START ACCEPTED', '-> RUNNING'];
const EXPLANATION = `  The first time is from the packet at the agent to the answer of the start subresource (wol_start_latency_seconds).
  The second is that of the stand-in; on a cluster KubeVirt and the guest take theirs.`;

export function summaryTable(rows: readonly SummaryRow[]): string {
  return `${table([HEADINGS, ...rows.map(cellsOf)])}\n\n${EXPLANATION}`;
}

function cellsOf({ wake: { machine, config = 'none' }, runStrategy, measurement }: SummaryRow): string[] {
  const times =
    measurement === undefined
      ? ['not started', 'still Stopped']
      : [`${measurement.startMs.toFixed(0)} ms`, `${measurement.bootMs.toFixed(0)} ms`];
  return [nameOf(machine), runStrategy, config, ...times];
}

/** Columns as wide as their widest cell, as kubectl has them. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd((widths[column] ?? 0) + 3)).join('')}`.trimEnd()).join('\n');
}
