/**
 * Answers requests for objects of served kinds.
 *
 * Owns: query options and body formats of get, list, create, update, patch, delete and deletecollection. Never: watches, faults, rights.
 */
import { parse } from 'yaml';
import { isObject, type JsonObject, objectOr } from '../json';
import { idOf, resourceOf, type ServedKind, type ServedVersion } from '../kinds/served-kind';
import {
  badRequest,
  forbiddenValue,
  invalid,
  methodNotAllowed,
  notFound,
  requiredValue,
  routeNotFound,
  StatusError,
} from '../status-error';
import type { ObjectStore } from '../storage/object-store';
import { storageKey } from '../storage/object-store';
import type { DeleteOptions, ObjectWriter, PatchType, WriteTarget } from '../storage/object-writer';
import type { Page, Pager } from '../storage/pages';
import { fieldSelector, labelSelector, type Selector } from '../storage/selectors';
import { Presenter, wantsMetadataOnly } from './presenter';
import type { ResourceRequest } from './request-info';

export interface ApiCall {
  readonly request: ResourceRequest;
  readonly query: URLSearchParams;
  readonly accept: string | undefined;
  readonly contentType: string;
  readonly userAgent: string;
  /** Raw text; empty for none. */
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly warnings: readonly string[];
}

const PATCH_TYPES: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/apply-patch+yaml': 'apply',
};

export class ResourceHandler {
  constructor(
    private readonly store: ObjectStore,
    private readonly writer: ObjectWriter,
    private readonly pager: Pager,
  ) {}

  answer(call: ApiCall, kind: ServedKind, version: ServedVersion): Answer {
    const { verb, name, subresource } = call.request;
    if (subresource !== '' && !(subresource === 'status' && version.statusSubresource)) {
      throw kind.traits.custom ? notFound(resourceOf(kind), name) : routeNotFound();
    }
    const presenter = new Presenter(kind, version, wantsMetadataOnly(call.accept));
    switch (verb) {
      case 'get':
        return ok(presenter.object(this.read(call, kind)));
      case 'list':
        return ok(presenter.list(this.page(call, kind, version)));
      case 'create': {
        if (name !== '' || subresource !== '') throw methodNotAllowed();
        const target = writeTarget(call, kind, version);
        return { status: 201, body: presenter.object(this.writer.create(target, objectIn(call))), warnings: target.warnings };
      }
      case 'update':
      case 'patch':
        return this.change(call, kind, version, presenter);
      case 'delete':
        return this.remove(call, kind, version, presenter);
      case 'deletecollection':
        return this.removeAll(call, kind, version, presenter);
      case 'watch':
        throw new TypeError('watches are answered elsewhere');
    }
  }

  /** The page a list asks for. */
  page(call: ApiCall, kind: ServedKind, version: ServedVersion): Page {
    const { query } = call;
    assertListOptions(query);
    const matches = selectorOf(query, kind, version);
    return this.pager.page(idOf(kind), {
      limit: Number(query.get('limit') ?? 0),
      continueToken: query.get('continue') ?? '',
      resourceVersion: query.get('resourceVersion') ?? '',
      resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
      prefix: prefixOf(call.request, kind),
      matches: ({ object }) => matches(object),
      isUnfiltered: !query.get('labelSelector') && !query.get('fieldSelector'),
    });
  }

  private read({ request }: ApiCall, kind: ServedKind): JsonObject {
    const object = this.store.get(idOf(kind), storageKey(kind.scope === 'Namespaced' ? request.namespace : '', request.name));
    if (object === undefined) throw notFound(resourceOf(kind), request.name);
    return object;
  }

  private change(call: ApiCall, kind: ServedKind, version: ServedVersion, presenter: Presenter): Answer {
    const { request, query, contentType } = call;
    if (request.name === '') throw kind.traits.custom ? badRequest('name must be provided') : methodNotAllowed();
    const target = writeTarget(call, kind, version);
    if (request.verb === 'update') {
      const { object, isNew } = this.writer.update(target, objectIn(call));
      return { status: isNew ? 201 : 200, body: presenter.object(object), warnings: target.warnings };
    }
    const type = PATCH_TYPES[contentType];
    if (type === undefined) {
      const accepted = Object.keys(PATCH_TYPES).join(', ');
      throw new StatusError(
        415,
        'UnsupportedMediaType',
        `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
      );
    }
    assertPatchOptions(query, type);
    const { object, isNew } = this.writer.patch(target, type, parsedBody(call), query.get('force') === 'true');
    return { status: isNew ? 201 : 200, body: presenter.object(object), warnings: target.warnings };
  }

  private remove(call: ApiCall, kind: ServedKind, version: ServedVersion, presenter: Presenter): Answer {
    const options = deleteOptionsOf(call);
    const target = { ...writeTarget(call, kind, version), isDryRun: isDryRun(call) };
    const { object, isGone } = this.writer.delete(target, options);
    if (!isGone) return { status: options.orphanDependents === false ? 202 : 200, body: presenter.object(object), warnings: [] };
    if (kind.traits.returnsDeleted) return ok(presenter.object(object));
    const details = {
      name: call.request.name,
      ...(kind.group === '' ? {} : { group: kind.group }),
      kind: kind.plural,
      uid: objectOr(object['metadata'])['uid'],
    };
    return ok({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
  }

  private removeAll(call: ApiCall, kind: ServedKind, version: ServedVersion, presenter: Presenter): Answer {
    const page = this.page(call, kind, version);
    const options = deleteOptionsOf(call);
    for (const { object } of page.items) {
      const { name, namespace } = objectOr(object['metadata']);
      const target = writeTarget(call, kind, version);
      this.writer.delete({ ...target, isDryRun: isDryRun(call), name: String(name), namespace: String(namespace ?? '') }, options);
    }
    return ok(presenter.list(page));
  }
}

/** Answered with the plain 404 of an unknown path. */
export class PathNotFound extends Error {}

function ok(body: unknown): Answer {
  return { status: 200, body, warnings: [] };
}

export function prefixOf({ namespace }: ResourceRequest, kind: ServedKind): string {
  return kind.scope === 'Namespaced' && namespace !== '' ? `${namespace}/` : '';
}

/** @throws {StatusError} 400 for a selector that cannot be parsed or names a field that cannot be selected. */
export function selectorOf(query: URLSearchParams, kind: ServedKind, version: ServedVersion): Selector {
  const labels = labelSelector(query.get('labelSelector') ?? '');
  const fields = fieldSelector(query.get('fieldSelector') ?? '', version.selectableFields, kind.traits.custom);
  return (object) => labels(object) && fields(object);
}

function writeTarget(call: ApiCall, kind: ServedKind, version: ServedVersion): WriteTarget {
  const { request, query, userAgent } = call;
  const fieldValidation = query.get('fieldValidation') ?? 'Warn';
  return {
    kind,
    version,
    namespace: kind.scope === 'Namespaced' ? request.namespace : '',
    name: request.name,
    subresource: request.subresource,
    manager: query.get('fieldManager') ?? userAgent.split('/')[0]!.slice(0, 128),
    isDryRun: query.get('dryRun') === 'All',
    fieldValidation: fieldValidation === 'Strict' || fieldValidation === 'Ignore' ? fieldValidation : 'Warn',
    warnings: [],
  };
}

function parsedBody({ body, contentType }: ApiCall): unknown {
  try {
    return /yaml/.test(contentType) ? parse(body) : JSON.parse(body);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(/yaml/.test(contentType) ? `error decoding YAML: ${why}` : `error decoding patch: ${why}`);
  }
}

function objectIn(call: ApiCall): JsonObject {
  const { contentType, body } = call;
  if (contentType !== '' && !/json|yaml/.test(contentType)) {
    const accepted = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
    throw new StatusError(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
    );
  }
  let parsed: unknown;
  try {
    parsed = /yaml/.test(contentType) ? parse(body) : JSON.parse(body);
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(parsed)) throw badRequest("couldn't get version/kind; json parse error: the body is not an object");
  return parsed;
}

function bodyOptions({ body }: ApiCall): JsonObject {
  if (body === '') return {};
  try {
    return objectOr(parse(body));
  } catch (error) {
    throw badRequest(`error decoding DeleteOptions: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Options of a delete come in the body, else in the query. */
function deleteOptionsOf(call: ApiCall): DeleteOptions & { orphanDependents: boolean | undefined } {
  const options = bodyOptions(call);
  const preconditions = objectOr(options['preconditions']);
  const text = (value: unknown): string | undefined => (value === undefined || value === null ? undefined : String(value));
  const orphan = options['orphanDependents'] ?? call.query.get('orphanDependents') ?? undefined;
  return {
    uid: text(preconditions['uid']),
    resourceVersion: text(preconditions['resourceVersion']),
    propagationPolicy: text(options['propagationPolicy']) ?? text(call.query.get('propagationPolicy')),
    orphanDependents: orphan === undefined ? undefined : String(orphan) === 'true',
  };
}

export function isDryRun(call: Pick<ApiCall, 'query' | 'body' | 'request'>): boolean {
  if (call.query.get('dryRun') === 'All') return true;
  if (call.request.verb !== 'delete' && call.request.verb !== 'deletecollection') return false;
  return /"dryRun"\s*:\s*\[\s*"All"/.test(call.body);
}

function assertPatchOptions(query: URLSearchParams, type: PatchType): void {
  const options = { group: 'meta.k8s.io', name: 'PatchOptions' };
  if (type === 'apply' && !query.get('fieldManager'))
    throw invalid(options, '', [requiredValue('fieldManager', 'is required for apply patch')]);
  if (type !== 'apply' && query.has('force'))
    throw invalid(options, '', [forbiddenValue('force', 'may not be specified for non-apply patch')]);
}

function assertListOptions(query: URLSearchParams): void {
  const options = { group: 'meta.k8s.io', name: 'ListOptions' };
  const [version, match, token] = [
    query.get('resourceVersion') ?? '',
    query.get('resourceVersionMatch') ?? '',
    query.get('continue') ?? '',
  ];
  if (token !== '' && version !== '' && version !== '0') throw badRequest('specifying resource version is not allowed when using continue');
  if (match === '') return;
  if (version === '')
    throw invalid(options, '', [
      forbiddenValue('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
    ]);
  if (token !== '')
    throw invalid(options, '', [forbiddenValue('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided')]);
  if (match === 'Exact' && version === '0') {
    throw invalid(options, '', [
      forbiddenValue('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
    ]);
  }
}
