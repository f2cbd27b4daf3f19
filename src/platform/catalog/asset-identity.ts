/** What can be told of an object before it is rendered: rights, watches and the check for duplicates need it. */
import { ExpressionScope, type Template } from '../expressions';
import { isJsonMap, type Json, type JsonMap } from '../json';
import type { AssetIdentity } from './asset';
import type { ParsedHeader } from './asset-header';
import type { Problems } from './catalog-error';
import { EMPTY_CONTEXT } from './empty-context';

/** Every value that `topology.roles` can have. */
const ROLES = ['worker', 'master'];

/** @returns `undefined` when something is wrong, which `problems` then tells. */
export function identityOf(document: Json, header: ParsedHeader, file: string, problems: Problems): AssetIdentity | undefined {
  const whole = typeof document === 'string';
  const object: JsonMap = isJsonMap(document) ? document : {};
  const kind = whole ? header.kind : object['kind'];
  if (typeof kind !== 'string' || kind.includes('${')) {
    problems.add(file, whole ? 'asset.kind' : 'kind', 'is missing; it cannot be told by an expression');
    return undefined;
  }
  if (!whole && header.kind !== undefined) problems.add(file, 'asset.kind', 'is only for an object that is one expression');
  const apiVersions = apiVersionsOf(object['apiVersion'], header, file, problems, whole);
  return apiVersions === undefined ? undefined : { apiVersions, kind };
}

function apiVersionsOf(
  written: Json | undefined,
  { apiVersions }: ParsedHeader,
  file: string,
  problems: Problems,
  whole: boolean,
): readonly string[] | undefined {
  if (typeof written === 'string' && !written.includes('${')) {
    if (apiVersions.length === 0) return [written];
    if (apiVersions.length === 1 && apiVersions[0] === written) return apiVersions;
    problems.add(file, 'apiVersion', 'is fixed although the header has apiVersions; write an expression that is self.apiVersion');
    return undefined;
  }
  if (apiVersions.length > 0) return apiVersions;
  problems.add(file, whole ? 'asset.apiVersions' : 'apiVersion', 'is missing');
  return undefined;
}

/** Adds names and namespace, where parameters and `forEach` tell them all. */
export function withNames(identity: AssetIdentity, document: Json, header: ParsedHeader, metadata: StaticMetadata): AssetIdentity {
  if (typeof document === 'string') return identity;
  const items = itemsOf(header);
  const names = items === undefined ? undefined : staticTexts(metadata.name, header, items);
  const namespaces = items === undefined ? undefined : staticTexts(metadata.namespace, header, items);
  return {
    ...identity,
    ...(names === undefined ? {} : { names }),
    ...(names?.length === 1 ? { name: names[0]! } : {}),
    ...(namespaces?.length === 1 ? { namespace: namespaces[0]! } : {}),
  };
}

export interface StaticMetadata {
  readonly name: Template | undefined;
  readonly namespace: Template | undefined;
}

/** One element, without a value, where there is no `forEach`. @returns `undefined` when only an evaluation can tell. */
function itemsOf({ forEach, params }: ParsedHeader): readonly (Json | undefined)[] | undefined {
  if (forEach === undefined) return [undefined];
  if (forEach.source.trim() === 'topology.roles') return ROLES;
  if (!isStatic(forEach)) return undefined;
  return forEach.jsonNow(new ExpressionScope({ context: EMPTY_CONTEXT, params })) as readonly Json[];
}

function staticTexts(template: Template | undefined, header: ParsedHeader, items: readonly (Json | undefined)[]): string[] | undefined {
  if (template === undefined || !template.expressions.every(isStatic)) return undefined;
  const self = { apiVersion: '', name: header.name, group: header.group ?? '' };
  const texts = items.map((item) =>
    template.evaluateNow(
      new ExpressionScope({ context: EMPTY_CONTEXT, self, params: header.params, ...(item === undefined ? {} : { item }) }),
    ),
  );
  return texts.every((text) => typeof text === 'string') ? [...new Set(texts)] : undefined;
}

function isStatic({ reads, locals, options, files }: Template['expressions'][number]): boolean {
  return reads.size === 0 && options.length === 0 && files.length === 0 && !locals.has('vars') && !locals.has('self');
}
