/**
 * Turns the options `owns` and `watches` into watches with a kind each.
 *
 * Owns: what stands in them. Invariant: an entry without a kind, from a circular import, is a problem and never reaches the runtime.
 */
import { type OwnedWatch, owned, type Watch, type WatchesFunction } from '../decorators/watches';
import { isKind, type Kind } from '../kinds/kind';
import { compileClusters, compileSelection } from './compile-selection';
import type { OptionCheck } from './option-check';

const OWNED = ['type', 'kind', 'select', 'anyOwner'] as const;
const MAPPED = ['type', 'kind', 'select', 'map', 'when', 'clusters'] as const;
const WATCHES = 'mapped(Kind, map) and clusterChanges(map)';

/** What KIND_MISSING says of a place that should have a kind. */
export function noKind(place: string, definer = 'defineKind'): string {
  return `${place} got no kind; check the import of its ${definer} for a circular import`;
}

export function compileOwns(check: OptionCheck): OwnedWatch[] {
  return list(check, 'owns', 'a list of kinds and owned(Kind, options)').flatMap((entry, index) => {
    const place = `owns[${index}]`;
    const watch = isWatch(entry, ['owned']) ? (entry as OwnedWatch) : owned(entry as Kind);
    if (!hasKind(watch.kind, place, check)) return [];
    const inner = check.nested(place, OWNED, watch);
    if (inner !== undefined) compileSelection(watch.kind, inner);
    inner?.boolean('anyOwner', false);
    return [watch];
  });
}

export function compileWatches(check: OptionCheck): readonly Watch[] | WatchesFunction {
  const given = check.value<unknown>('watches');
  if (typeof given === 'function') return given as WatchesFunction;
  return list(check, 'watches', `a list of ${WATCHES}, a function that returns one`).flatMap((entry, index) => {
    const place = `watches[${index}]`;
    if (!isWatch(entry, ['mapped', 'clusters'])) {
      check.range(place, entry, WATCHES);
      return [];
    }
    const watch = entry as Watch;
    if (watch.type === 'mapped' && !hasKind(watch.kind, place, check)) return [];
    const inner = check.nested(place, MAPPED, watch);
    if (inner === undefined) return [];
    inner.callable('map');
    if (watch.map === undefined) inner.range('map', undefined, 'a function');
    if (watch.type === 'mapped') {
      inner.callable('when');
      compileSelection(watch.kind, inner);
      compileClusters(watch.clusters, check);
    }
    return [watch];
  });
}

function list(check: OptionCheck, name: string, allowed: string): unknown[] {
  const given = check.value<unknown>(name) ?? [];
  if (Array.isArray(given)) return [...given];
  check.range(name, given, allowed);
  return [];
}

function isWatch(entry: unknown, types: readonly string[]): boolean {
  return typeof entry === 'object' && entry !== null && 'type' in entry && types.includes(String(entry.type));
}

function hasKind(kind: unknown, place: string, check: OptionCheck): boolean {
  if (isKind(kind)) {
    if (kind.virtual) check.problem('OPTION_RANGE', `${place} is of the virtual kind ${kind.kind}; allowed: kinds with objects`);
    return !kind.virtual;
  }
  check.problem('KIND_MISSING', noKind(`@${check.declaration.decorator}`).replace('no kind', `no kind in ${place}`));
  return false;
}
