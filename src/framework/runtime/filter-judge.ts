/**
 * Judges objects by handlers' filters and tells about filters that throw.
 *
 * Owns: what is said about a filter that throws: one log line and one count for each handler and object version, however often the
 * version is judged. Invariant: what is remembered is bounded by the number of objects whose filters throw now.
 */
import { type KubernetesObject, keyOf, type ObjectKey } from '../kinds/object';
import type { Logger } from '../logging/logger';
import type { CompiledFilters } from '../registry/handler-spec';
import { matches } from './filters';

/** Any handler with filters. */
export interface FilteredSpec {
  readonly id: string;
  readonly filters: CompiledFilters;
}

export class FilterJudge {
  /** Handler and object to the version that was reported last. */
  private readonly reported = new Map<string, string>();

  constructor(
    private readonly log: Logger,
    private readonly onThrow?: (spec: FilteredSpec, error: unknown) => void,
  ) {}

  /** Whether an object is the handler's business now. A filter that throws says no. */
  matches(spec: FilteredSpec, object: KubernetesObject): boolean {
    let threw = false;
    const result = matches(spec.filters, object, (error) => {
      threw = true;
      this.report(spec, object, error);
    });
    if (!threw && this.reported.size > 0) this.forget(spec, keyOf(object));
    return result;
  }

  /** The same of an earlier state; says nothing about filters that throw. */
  matched(spec: FilteredSpec, old: KubernetesObject | undefined): boolean {
    return old !== undefined && matches(spec.filters, old);
  }

  /** The object is gone. */
  forget(spec: FilteredSpec, key: ObjectKey): void {
    this.reported.delete(`${spec.id} ${key}`);
  }

  private report(spec: FilteredSpec, object: KubernetesObject, error: unknown): void {
    const { namespace, name, uid, resourceVersion = '' } = object.metadata ?? {};
    const place = `${spec.id} ${keyOf(object)}`;
    const version = `${uid} ${resourceVersion}`;
    if (this.reported.get(place) === version) return;
    this.reported.set(place, version);
    this.log.error('filter threw, the object counts as not matching', { controller: spec.id, kind: object.kind, namespace, name, error });
    this.onThrow?.(spec, error);
  }
}
