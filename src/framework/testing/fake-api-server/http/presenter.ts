/**
 * The shape in which objects leave the server.
 *
 * Owns: apiVersion of the requested version, lists, PartialObjectMetadata, what the Accept header allows. Never: reads a store.
 */
import type { JsonObject } from '../json';
import { apiVersionOf, type ServedKind, type ServedVersion } from '../kinds/served-kind';
import { StatusError } from '../status-error';
import type { Page } from '../storage/pages';

const MEDIA_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

/** @throws {StatusError} 406 when JSON is not accepted. @returns true for PartialObjectMetadata. */
export function wantsMetadataOnly(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === '') return false;
  for (const part of accept.split(',')) {
    const [type, ...parameters] = part.split(';').map((text) => text.trim());
    if (type !== 'application/json' && type !== 'application/*' && type !== '*/*') continue;
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
    if (as === undefined) return false;
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return true;
  }
  throw new StatusError(406, 'NotAcceptable', `only the following media types are accepted: ${MEDIA_TYPES.join(', ')}`);
}

export class Presenter {
  constructor(
    private readonly kind: ServedKind,
    private readonly version: ServedVersion,
    private readonly metadataOnly: boolean,
  ) {}

  object(object: JsonObject): JsonObject {
    if (this.metadataOnly) return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object['metadata'] };
    return { ...object, apiVersion: apiVersionOf(this.kind, this.version), kind: this.kind.kind };
  }

  list({ items, version, continueToken, remaining }: Page): JsonObject {
    const isTyped = this.metadataOnly || !this.kind.traits.custom;
    const metadata: JsonObject = { resourceVersion: String(version) };
    if (continueToken !== '' || !isTyped) metadata['continue'] = continueToken;
    if (remaining !== undefined) metadata['remainingItemCount'] = remaining;
    const kind = this.metadataOnly ? 'PartialObjectMetadataList' : `${this.kind.kind}List`;
    const apiVersion = this.metadataOnly ? 'meta.k8s.io/v1' : apiVersionOf(this.kind, this.version);
    return { kind, apiVersion, metadata, items: items.map(({ object }) => this.item(object)) };
  }

  /** Items of built-in lists carry no kind and apiVersion. */
  private item(object: JsonObject): JsonObject {
    if (this.metadataOnly || this.kind.traits.custom) return this.object(object);
    const { apiVersion: _a, kind: _b, ...rest } = object;
    return rest;
  }

  bookmark(version: number, marksInitialEnd: boolean): JsonObject {
    const annotations = marksInitialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
    return this.object({ metadata: { resourceVersion: String(version), creationTimestamp: null, ...annotations } });
  }
}
