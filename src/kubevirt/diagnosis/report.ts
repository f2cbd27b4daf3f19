/** Findings as text or JSON, and what a command ends with. */
import type { Finding, Outcome } from './finding';

export interface DoctorReport {
  readonly findings: readonly Finding[];
  /** `undefined` = nothing failed. */
  readonly firstFailure: Finding | undefined;
  readonly counts: Readonly<Record<Outcome, number>>;
}

export function reportOf(findings: readonly Finding[]): DoctorReport {
  const count = (outcome: Outcome): number => findings.filter((finding) => finding.outcome === outcome).length;
  const firstFailure = findings.find(({ outcome }) => outcome === 'fail');
  return { findings, firstFailure, counts: { ok: count('ok'), warn: count('warn'), fail: count('fail') } };
}

/** @returns exit code: 0 nothing failed, 1 something did. */
export function printReport(findings: readonly Finding[], output: 'text' | 'json', print: (line: string) => void): number {
  const report = reportOf(findings);
  if (output === 'json') print(jsonReport(report));
  else for (const line of textReport(report)) print(line);
  return report.firstFailure === undefined ? 0 : 1;
}

/** One line a check, then one for the whole. */
export function textReport({ findings, firstFailure, counts }: DoctorReport): string[] {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.map(
    ({ check, outcome, found, remedy }) =>
      `${outcome.padEnd(4)}  ${check.padEnd(width)}  ${oneLine(found)}${remedy === undefined ? '' : ` -> ${remedy}`}`,
  );
  const summary = `${counts.ok} ok, ${counts.warn} warn, ${counts.fail} fail`;
  return [...lines, firstFailure === undefined ? summary : `${summary}; the first that fails: ${firstFailure.check}`];
}

export function jsonReport({ findings, firstFailure, counts }: DoctorReport): string {
  return JSON.stringify({ checks: findings, summary: counts, firstFailure: firstFailure?.check ?? null }, undefined, 2);
}

/** Messages of others may have line breaks. */
function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}
