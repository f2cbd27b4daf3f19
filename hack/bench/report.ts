/**
 * Turns the figures of a run into text for people and into one line for machines.
 *
 * Owns: the format. Invariant: the JSON line holds everything the table shows, unrounded.
 */
import { type Figure, type Goal, meetsGoal } from './benchmark';
import type { Machine } from './machine';

export interface RunReport {
  readonly benchmark: string;
  /** As it can be typed again. */
  readonly command: string;
  /** ISO 8601. */
  readonly date: string;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
}

export function reportJson({ figures, ...run }: RunReport): string {
  return JSON.stringify({ ...run, figures: figures.map((figure) => ({ ...figure, met: meetsGoal(figure) })) });
}

export function reportTable({ command, date, machine, figures }: RunReport): string {
  const { cores, memoryGib, cpu, node, loadBefore } = machine;
  return [
    command,
    `${date}, ${cores} cores (${cpu}), ${memoryGib} GiB, Node.js ${node}, load ${loadBefore} before the run`,
    '',
    figureTable(figures),
  ].join('\n');
}

/** One line a figure. */
export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [figure.name, withUnit(figure.value, figure), verdict(figure)] as const);
  const [nameWidth, valueWidth] = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map(([name, value, text]) => `${name.padEnd(nameWidth!)}  ${value.padStart(valueWidth!)}  ${text}`.trimEnd()).join('\n');
}

function withUnit(value: number, { unit }: Figure): string {
  const digits = Number.isInteger(value) || Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${unit === '' ? '' : ` ${unit}`}`;
}

function verdict(figure: Figure): string {
  const { goal, older, unit } = figure;
  const goalPart = goal === undefined ? [] : [`${meetsGoal(figure) ? 'meets' : 'MISSES'} the goal: ${goalText(goal)} ${unit}`.trimEnd()];
  return [...goalPart, ...(older === undefined ? [] : [`older operator: ${older}`])].join('; ');
}

function goalText(goal: Goal): string {
  if ('atMost' in goal) return `at most ${rounded(goal.atMost)}`;
  if ('atLeast' in goal) return `at least ${rounded(goal.atLeast)}`;
  return `exactly ${goal.exactly}`;
}

function rounded(value: number): string {
  return String(Number(value.toFixed(2)));
}
