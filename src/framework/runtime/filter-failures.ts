/**
 * Tells of filters that throw, once for each version of an object: filters are judged again and again.
 *
 * Owns: the memory of what was told. Invariant: it holds no object alive.
 */
import type { KubernetesObject } from '../kinds/object';
import type { Logger } from '../logging/logger';

interface Filtered {
  readonly id: string;
  readonly kind: { readonly kind: string };
}

export class FilterFailures<S extends Filtered> {
  /** A version of an object is a value of its own: caches replace objects, they do not change them. */
  private readonly told = new WeakMap<KubernetesObject, Set<string>>();

  constructor(
    private readonly log: Logger,
    private readonly onFailure: ((spec: S, error: unknown) => void) | undefined,
  ) {}

  report(spec: S, object: KubernetesObject, error: unknown): void {
    const handlers = this.told.get(object) ?? new Set();
    if (handlers.has(spec.id)) return;
    this.told.set(object, handlers.add(spec.id));
    this.onFailure?.(spec, error);
    const { namespace, name } = object.metadata ?? {};
    this.log.warn('filter failed, the object counts as not matching', {
      controller: spec.id,
      kind: spec.kind.kind,
      namespace,
      name,
      error,
    });
  }
}
