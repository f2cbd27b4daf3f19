/**
 * The status ConfigMap as text and back.
 *
 * Owns: the format, which people read with kubectl and scripts parse. Invariant: pure; a time stamp moves only with what it belongs to.
 */
import { parseDocument, stringify } from 'yaml';
import type { Condition, ConditionInput } from '../../framework';
import type { AssetRow } from './asset-rows';

/** Name of the ConfigMap. */
export const STATUS_NAME = 'virt-steward-platform-status';

export interface WrittenRow extends AssetRow {
  /** When status or reason became these, RFC 3339. */
  readonly since: string;
}

export interface StatusDocument {
  readonly conditions: readonly Condition[];
  readonly rows: readonly WrittenRow[];
}

export const EMPTY: StatusDocument = { conditions: [], rows: [] };

/** @param before what was written last. @param now RFC 3339. */
export function nextDocument(
  before: StatusDocument,
  conditions: readonly ConditionInput[],
  rows: readonly AssetRow[],
  now: string,
): StatusDocument {
  const conditionsBefore = new Map(before.conditions.map((condition) => [condition.type, condition]));
  const rowsBefore = new Map(before.rows.map((row) => [row.key, row]));
  return {
    conditions: conditions.map(({ type, status, reason, message }) => {
      const known = conditionsBefore.get(type);
      return { type, status, reason, message, lastTransitionTime: known?.status === status ? known.lastTransitionTime : now };
    }),
    rows: [...rows]
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ key, identity, status, reason }) => {
        const known = rowsBefore.get(key);
        const isSame = known?.status === status && known.reason === reason;
        return { key, identity, status, reason, since: isSame ? known.since : now };
      }),
  };
}

export function dataOf({ conditions, rows }: StatusDocument): Record<string, string> {
  const assets = Object.fromEntries(rows.map(({ key, ...row }) => [key, row]));
  return { 'conditions.yaml': stringify(conditions, STYLE), 'assets.yaml': stringify(assets, STYLE) };
}

const STYLE = { lineWidth: 0, aliasDuplicateObjects: false } as const;

/** What cannot be read is as if it had not been written. */
export function documentOf(data: Readonly<Record<string, string>>): StatusDocument {
  const conditions = contentOf(data['conditions.yaml']);
  const assets = contentOf(data['assets.yaml']);
  const rows = typeof assets === 'object' && assets !== null && !Array.isArray(assets) ? Object.entries(assets) : [];
  return {
    conditions: (Array.isArray(conditions) ? conditions : []).filter(isCondition),
    rows: rows.filter(([, row]) => isRow(row)).map(([key, row]) => ({ ...(row as Omit<WrittenRow, 'key'>), key })),
  };
}

function contentOf(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  const document = parseDocument(text);
  return document.errors.length > 0 ? undefined : document.toJS();
}

function isCondition(value: unknown): value is Condition {
  return hasTexts(value, ['type', 'status', 'reason', 'message', 'lastTransitionTime']);
}

function isRow(value: unknown): boolean {
  return hasTexts(value, ['identity', 'status', 'reason', 'since']);
}

function hasTexts(value: unknown, members: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return members.every((member) => typeof (value as Record<string, unknown>)[member] === 'string');
}
