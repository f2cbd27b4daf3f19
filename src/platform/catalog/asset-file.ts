/** An asset file: header and object, compiled and checked as far as that goes without a cluster. */
import { type CompiledExpression, compileTemplate, type LookUpUse, type OptionUse, type Template } from '../expressions';
import { isJsonMap, type Json, type JsonMap } from '../json';
import type { CatalogAsset } from './asset';
import { type AssetEntry, type Conditions, type ParsedHeader, parseHeader } from './asset-header';
import { identityOf, withNames } from './asset-identity';
import type { Problems } from './catalog-error';
import { Fields } from './fields';
import { isNodeLevelKind } from './node-level';
import { ownKeysIn } from './object-check';

/** An asset before it has a position. */
export type LoadedAsset = Omit<CatalogAsset, 'position'> & { readonly filesRead: readonly string[] };

/** Kinds that run something: what a user writes must not get there unchecked. */
const WORKLOADS: readonly string[] = ['DaemonSet', 'Deployment', 'StatefulSet', 'ReplicaSet', 'Job', 'CronJob', 'Pod'];

/** What the API server sets, and what would take an object away from its owner. */
const FORBIDDEN_METADATA = [
  'managedFields',
  'resourceVersion',
  'uid',
  'creationTimestamp',
  'finalizers',
  'ownerReferences',
  'generateName',
];

/** @returns `undefined` when something is wrong, which `problems` then tells. */
export function loadAsset(
  documents: readonly Json[],
  entry: AssetEntry,
  conditions: Conditions,
  problems: Problems,
): LoadedAsset | undefined {
  const { file } = entry;
  const before = problems.found.length;
  if (documents.length !== 2) {
    problems.add(file, '', `has ${documents.length} documents; allowed: two, the header and the object`);
    return undefined;
  }
  const root = Fields.of(documents[0], file, '', problems);
  const fields = root && Fields.of(root.raw('asset'), file, 'asset', problems);
  root?.finish();
  const header = fields && parseHeader(fields, entry, conditions);
  if (header === undefined) return undefined;
  const asset = withObject(documents[1]!, header, file, problems);
  return problems.found.length > before ? undefined : asset;
}

function withObject(object: Json, header: ParsedHeader, file: string, problems: Problems): LoadedAsset | undefined {
  if (!isJsonMap(object) && !isOneExpression(object)) problems.add(file, '', 'the second document has to be an object, or one expression');
  checkMetadata(object, file, problems);
  const identity = identityOf(object, header, file, problems);
  const before = problems.found.length;
  const document = compileTemplate(object, header.names, (path, { message }) => problems.add(file, path, message));
  if (identity === undefined || problems.found.length > before) return undefined;
  const { names, kind, ...rest } = header;
  const isNodeLevel = isNodeLevelKind(identity.apiVersions[0]?.split('/')[0] ?? '', identity.kind);
  if (isNodeLevel || WORKLOADS.includes(identity.kind))
    requirePatterns([...document.expressions, ...header.vars.map(({ expression }) => expression)], file, problems);
  return {
    ...rest,
    file,
    document,
    identity: withNames(identity, object, header, metadataTemplates(object, header)),
    apiVersions: identity.apiVersions,
    isNodeLevel,
    ...usesOf(expressionsOf(header, document), header),
  };
}

function isOneExpression(document: Json): boolean {
  return typeof document === 'string' && document.startsWith('${');
}

function checkMetadata(object: Json, file: string, problems: Problems): void {
  if (!isJsonMap(object)) return;
  if (object['status'] !== undefined) problems.add(file, 'status', 'cannot be set');
  const { metadata } = object;
  if (!isJsonMap(metadata)) {
    if (typeof metadata !== 'string') problems.add(file, 'metadata', 'has to be a map');
    return;
  }
  for (const member of FORBIDDEN_METADATA) if (metadata[member] !== undefined) problems.add(file, `metadata.${member}`, 'cannot be set');
  for (const path of ownKeysIn(metadata)) problems.add(file, `metadata.${path}`, 'cannot be set: it is how users and the module talk');
  if (metadata['name'] === undefined) problems.add(file, 'metadata.name', 'is missing');
}

function metadataTemplates(object: Json, { names }: ParsedHeader): { name: Template | undefined; namespace: Template | undefined } {
  const metadata = (isJsonMap(object) && isJsonMap(object['metadata']) ? object['metadata'] : {}) as JsonMap;
  const template = (value: Json | undefined): Template | undefined =>
    typeof value === 'string' ? compileTemplate(value, names) : undefined;
  return { name: template(metadata['name']), namespace: template(metadata['namespace']) };
}

/** Text of a user that reaches a node or a container unchecked would be run there. */
function requirePatterns(expressions: readonly CompiledExpression[], file: string, problems: Problems): void {
  const open = expressions.flatMap((expression) => expression.options).filter(({ pattern }) => pattern === undefined);
  for (const name of new Set(open.map((option) => option.name))) {
    problems.add(file, '', `option("${name}", ...) has no pattern; what reaches a node or a container needs one`);
  }
}

function expressionsOf({ when, vars, forEach, union }: ParsedHeader, document: Template): CompiledExpression[] {
  const ofHeader = [...when, ...vars.map((variable) => variable.expression), ...(forEach === undefined ? [] : [forEach])];
  return [...ofHeader, ...(union?.expressions ?? []), ...document.expressions];
}

interface Uses {
  readonly reads: ReadonlySet<string>;
  readonly lookUps: readonly LookUpUse[];
  readonly options: readonly OptionUse[];
  readonly filesRead: readonly string[];
}

/** What `requires` asks of the context is read as well. */
const READ_BY_FEATURE = { hco: 'settings', openshift: 'topology', olm: 'cluster' } as const;

function usesOf(expressions: readonly CompiledExpression[], { switches, install, requires }: ParsedHeader): Uses {
  const byDefault = install === 'always' ? 'true' : 'false';
  const ofSwitches = switches.map((name) => ({ name: `enable-${name}`, default: byDefault, pattern: 'true|false' }));
  const ofFeatures = requires.flatMap((requirement) => (requirement.type === 'feature' ? [READ_BY_FEATURE[requirement.feature]] : []));
  return {
    reads: new Set([...expressions.flatMap((expression) => [...expression.reads]), ...ofFeatures]),
    lookUps: distinct(expressions.flatMap((expression) => expression.lookUps)),
    options: distinct([...ofSwitches, ...expressions.flatMap((expression) => expression.options)]),
    filesRead: expressions.flatMap((expression) => expression.files),
  };
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}
