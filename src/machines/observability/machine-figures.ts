/**
 * Figures about all Machines, by cluster, pure.
 *
 * Owns: what counts as waiting for something. Never: a label that names a Machine, or a word that somebody else wrote into a status.
 * Invariant: every cluster has a figure for each phase and each step, zero where there is nothing.
 */
import { timestampMs } from '../../framework';
import type { Machine } from '../kinds';
import { DELETION_STEPS } from '../status/conditions';
import { PHASES } from '../status/phase';
import { isResting } from './rest-times';

export interface Figure<L extends string> {
  readonly labels: Readonly<Record<L, string>>;
  readonly value: number;
}

export interface MachineFigures {
  readonly objects: readonly Figure<'cluster' | 'phase'>[];
  /** Seconds. */
  readonly notReady: readonly Figure<'cluster'>[];
  /** Seconds. */
  readonly deletion: readonly Figure<'cluster' | 'step'>[];
}

export interface FigureOptions {
  /** Labels of clusters that are shown also while no Machine is there. */
  readonly clusters: Iterable<string>;
  /** Label of the cluster that a Machine is placed on; empty = none. */
  readonly clusterOf: (machine: Machine) => string;
  readonly restedUntilMs: (uid: string) => number | undefined;
  readonly nowMs: number;
}

/** Before anything was said about it. */
const NO_STEP = '';

export function machineFigures(machines: Iterable<Machine>, { clusters, clusterOf, restedUntilMs, nowMs }: FigureOptions): MachineFigures {
  const all = new Map<string, ClusterFigures>();
  const of = (cluster: string): ClusterFigures => {
    const figures = all.get(cluster) ?? new ClusterFigures();
    all.set(cluster, figures);
    return figures;
  };
  for (const cluster of ['', ...clusters]) of(cluster);
  const secondsSince = (ms: number | undefined): number => (ms === undefined ? 0 : Math.max(0, (nowMs - ms) / 1_000));
  for (const machine of machines) {
    const { metadata = {}, status = {} } = machine;
    const figures = of(clusterOf(machine));
    figures.count(status.phase ?? '');
    const deletedMs = timestampMs(metadata.deletionTimestamp);
    if (deletedMs !== undefined) figures.deleting(stepOf(machine), secondsSince(deletedMs));
    else if (!isResting(machine)) figures.waiting(secondsSince(notReadySinceMs(machine, restedUntilMs(metadata.uid ?? ''))));
  }
  const sorted = [...all].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    objects: sorted.flatMap(([cluster, { phases }]) => [...phases].map(([phase, value]) => ({ labels: { cluster, phase }, value }))),
    notReady: sorted.map(([cluster, { notReady }]) => ({ labels: { cluster }, value: notReady })),
    deletion: sorted.flatMap(([cluster, { steps }]) => [...steps].map(([step, value]) => ({ labels: { cluster, step }, value }))),
  };
}

class ClusterFigures {
  readonly phases = new Map<string, number>(PHASES.map((phase) => [phase, 0]));
  readonly steps = new Map<string, number>([NO_STEP, ...DELETION_STEPS].map((step) => [step, 0]));
  notReady = 0;

  count(phase: string): void {
    const known = phase === '' ? 'Pending' : this.phases.has(phase) ? phase : 'Unknown';
    this.phases.set(known, (this.phases.get(known) ?? 0) + 1);
  }

  waiting(seconds: number): void {
    this.notReady = Math.max(this.notReady, seconds);
  }

  deleting(step: string, seconds: number): void {
    const known = this.steps.has(step) ? step : NO_STEP;
    this.steps.set(known, Math.max(this.steps.get(known) ?? 0, seconds));
  }
}

/** @returns `undefined` = it is ready. */
function notReadySinceMs({ metadata, status }: Machine, restedUntilMs: number | undefined): number | undefined {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True') return undefined;
  const sinceMs = timestampMs(ready?.lastTransitionTime) ?? timestampMs(metadata?.creationTimestamp);
  return restedUntilMs === undefined || sinceMs === undefined ? sinceMs : Math.max(sinceMs, restedUntilMs);
}

function stepOf({ status }: Machine): string {
  const deleting = status?.conditions?.find(({ type }) => type === 'Deleting');
  return deleting?.status === 'True' ? (deleting.reason ?? NO_STEP) : NO_STEP;
}
