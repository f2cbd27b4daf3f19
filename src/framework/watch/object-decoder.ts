/**
 * Turns what the server sends into what the store keeps.
 *
 * Owns: filling in kind and apiVersion, dropping bookkeeping, the kind's own trimming, freezing.
 * Never: drops a field it does not know; changes an object that a caller still holds (`adopt` copies first).
 * managedFields alone are about a third of a cached object, the last-applied annotation about a fifth.
 */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import { DecodeError } from './failure';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export interface ObjectDecoderOptions<T extends KubernetesObject> {
  readonly kind: Kind<T>;
  readonly metadataOnly: boolean;
  readonly stripLastApplied: boolean;
  readonly freeze: boolean;
  readonly transform: ((object: T) => T) | undefined;
  /** The transform threw; the object is kept as it came. */
  readonly onTransformError: (object: T, error: unknown) => void;
}

export class ObjectDecoder<T extends KubernetesObject> {
  constructor(private readonly options: ObjectDecoderOptions<T>) {}

  /**
   * Decodes an object fresh from the wire; it is changed in place.
   *
   * @param apiVersion as served, filled in where a list leaves it out.
   * @throws {DecodeError} when it is no object with a name.
   */
  decode(raw: unknown, apiVersion: string): T {
    if (!isNamedObject(raw)) throw new DecodeError(`an object of kind ${this.options.kind.kind} has no metadata.name`);
    if (this.options.metadataOnly) return this.finish({ metadata: raw.metadata } as T, apiVersion, true);
    return this.finish(raw as T, apiVersion, false);
  }

  /** The same for an object that somebody else holds too, as the answer of a write: a copy is changed. */
  adopt(object: T, apiVersion: string): T {
    return this.decode(structuredClone(object), apiVersion);
  }

  private finish(object: T, apiVersion: string, replaceType: boolean): T {
    const { kind, freeze } = this.options;
    if (replaceType || object.apiVersion === undefined) object.apiVersion = apiVersion;
    if (replaceType || object.kind === undefined) object.kind = kind.kind;
    this.strip(object.metadata!);
    const trimmed = this.transformed(object);
    return freeze ? deepFreeze(trimmed) : trimmed;
  }

  private strip(metadata: NonNullable<KubernetesObject['metadata']>): void {
    delete metadata.managedFields;
    if (!this.options.stripLastApplied || metadata.annotations?.[LAST_APPLIED] === undefined) return;
    delete metadata.annotations[LAST_APPLIED];
    if (Object.keys(metadata.annotations).length === 0) delete metadata.annotations;
  }

  private transformed(object: T): T {
    if (this.options.transform === undefined) return object;
    try {
      return this.options.transform(object);
    } catch (error) {
      this.options.onTransformError(object, error);
      return object;
    }
  }
}

/** Freezes a JSON value and everything in it; what is frozen already is not walked again. */
export function deepFreeze<V>(value: V): V {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}

function isNamedObject(raw: unknown): raw is KubernetesObject {
  if (typeof raw !== 'object' || raw === null) return false;
  const { metadata } = raw as KubernetesObject;
  return typeof metadata === 'object' && metadata !== null && typeof metadata.name === 'string' && metadata.name !== '';
}
