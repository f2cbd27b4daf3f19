/**
 * Reads feature gates in each of the forms that APIs have had.
 *
 * Owns: the three forms. Never: guesses at a fourth: what it does not know has no gates, and says so.
 */
import { isJsonMap, type Json } from '../json';

export interface FeatureGates {
  readonly gates: Readonly<Record<string, boolean>>;
  /** Why there are none, when the form is not known. */
  readonly problem?: string;
}

/** A gate is on unless it says otherwise. @source hco.kubevirt.io/v1 FeatureGate.state */
const OFF = 'Disabled';

/** @param value a list of names, a map of booleans, or a list of `{name, state}`; absent = no gates. Names are case-sensitive. */
export function featureGatesOf(value: Json | undefined): FeatureGates {
  if (value === undefined || value === null) return { gates: {} };
  if (Array.isArray(value)) {
    const entries = value.map(listed);
    const known = entries.filter((entry) => entry !== undefined);
    return known.length === value.length ? { gates: Object.fromEntries(known) } : unknownForm('the list has other entries than names');
  }
  if (!isJsonMap(value)) return unknownForm(`it is a ${typeof value}`);
  const entries = Object.entries(value).filter(([, state]) => state !== null);
  if (entries.some(([, state]) => typeof state !== 'boolean')) return unknownForm('the map has other values than true and false');
  return { gates: Object.fromEntries(entries) as Record<string, boolean> };
}

function listed(entry: Json): readonly [string, boolean] | undefined {
  if (typeof entry === 'string') return [entry, true];
  if (!isJsonMap(entry) || typeof entry['name'] !== 'string') return undefined;
  const state = entry['state'] ?? undefined;
  return state === undefined || typeof state === 'string' ? [entry['name'], state !== OFF] : undefined;
}

function unknownForm(why: string): FeatureGates {
  return { gates: {}, problem: `featureGates is in no known form: ${why}; allowed: names, a map of booleans, or {name, state}` };
}
