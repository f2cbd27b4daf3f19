/** The first document of an asset file: which members it may have and what each defaults to. */
import { type CompiledExpression, type CompileOptions, compileExpression, compileTemplate, type Template } from '../expressions';
import { isJsonMap, type Json, type JsonMap } from '../json';
import type { AssetHeader, Maturity } from './asset';
import type { Fields } from './fields';
import { parseRequirement, type Requirement } from './requirement';

export const MATURITIES: readonly Maturity[] = ['ga', 'tp', 'dp'];

/** Names stand in annotations, keys and metrics. */
export const NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const API_VERSION = /^([a-z0-9.-]+\/)?v[a-z0-9]+$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const POINTER = /^(\/([^~/]|~[01])+)+$/;

/** What the catalog says about one use of a file; it wins over the file. */
export interface AssetEntry {
  readonly file: string;
  readonly name?: string;
  readonly group?: string;
  readonly params: JsonMap;
  /** As written. */
  readonly when: readonly string[];
}

export type Conditions = ReadonlyMap<string, CompiledExpression>;

/** The header and what else is only known here. */
export interface ParsedHeader extends AssetHeader {
  /** Only where the object is one expression, which does not tell its kind. */
  readonly kind?: string;
  /** What expressions of the object may name. */
  readonly names: CompileOptions;
}

/** @param fields below `asset`. @returns `undefined` when there is no name. */
export function parseHeader(fields: Fields, entry: AssetEntry, conditions: Conditions): ParsedHeader | undefined {
  const ownName = fields.requiredText('name');
  const name = entry.name ?? ownName;
  const params = parseParams(fields, entry.params);
  const outside: CompileOptions = { params: new Set(Object.keys(params)) };
  const forEach = expressionAt(fields, 'forEach', fields.text('forEach'), { ...outside, result: 'list' });
  const inside: CompileOptions = { ...outside, hasItem: fields.raw('forEach') !== undefined };
  const vars = parseVars(fields, inside);
  const names: CompileOptions = { ...inside, vars: new Set(vars.map((variable) => variable.name)) };
  const install = fields.choice('install', ['always', 'opt-in']) ?? 'always';
  const group = entry.group ?? fields.text('group');
  fields.raw('group');
  const header = {
    ...optional('group', group),
    aliases: namesAt(fields, 'aliases', fields.texts('aliases')),
    ...optional('description', fields.text('description')),
    maturity: fields.choice('maturity', MATURITIES) ?? (install === 'opt-in' ? 'dp' : 'ga'),
    order: fields.wholeNumber('order', 1),
    install,
    switches: namesAt(fields, 'switch', fields.textOrTexts('switch')),
    when: parseWhen(fields, entry.when, conditions, outside),
    requires: parseRequires(fields),
    apiVersions: parseApiVersions(fields),
    params,
    vars,
    ...optional('forEach', forEach),
    ...optional('into', fields.text('into')),
    ...optional('union', unionAt(fields, names)),
    fill: parseFill(fields),
    adopt: fields.choice('adopt', ['always', 'never']) ?? 'always',
    create: fields.flag('create', true),
    strategy: fields.choice('strategy', ['apply', 'edit']) ?? 'apply',
    onUnwanted: fields.choice('onUnwanted', ['keep', 'delete']) ?? 'keep',
    ...optional('kind', fields.text('kind')),
  } satisfies Omit<ParsedHeader, 'name' | 'names'>;
  fields.finish();
  if (name === undefined) return undefined;
  if (!NAME.test(name)) fields.refuse('name', `is ${JSON.stringify(name)}; allowed: lower-case letters, digits and hyphens`);
  if (group !== undefined && !NAME.test(group))
    fields.refuse('group', `is ${JSON.stringify(group)}; allowed: lower-case letters, digits and hyphens`);
  if (install === 'opt-in' && header.switches.length === 0 && !header.when.some((expression) => expression.readsUserChoice)) {
    fields.refuse(
      'install',
      'is opt-in, but nobody can opt in: there is no switch, and no when that reads an annotation or a feature gate',
    );
  }
  return { ...header, name, names };
}

function optional<K extends string, T>(key: K, value: T | undefined): Partial<Record<K, T>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, T>);
}

function expressionAt(fields: Fields, path: string, source: string | undefined, options: CompileOptions): CompiledExpression | undefined {
  if (source === undefined) return undefined;
  return fields.problems.attempt(fields.file, fields.pathOf(path), () => compileExpression(source, options));
}

function namesAt(fields: Fields, member: string, names: readonly string[]): readonly string[] {
  for (const name of names) {
    if (!NAME.test(name)) fields.refuse(member, `has ${JSON.stringify(name)}; allowed: lower-case letters, digits and hyphens`);
  }
  return names;
}

function parseParams(fields: Fields, given: JsonMap): JsonMap {
  const defaults = fields.mapOf('params');
  const params: Record<string, Json> = {};
  for (const [name, value] of Object.entries({ ...defaults, ...given })) {
    if (value === null) fields.refuse(`params.${name}`, 'has no default and is not given in the catalog');
    else if (typeof value === 'object') fields.refuse(`params.${name}`, 'has to be text, a number, true or false');
    else params[name] = value;
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(defaults, name)) fields.refuse(`params.${name}`, 'is given in the catalog, but the file has no such parameter');
  }
  return params;
}

function parseVars(fields: Fields, names: CompileOptions): { name: string; expression: CompiledExpression }[] {
  const vars: { name: string; expression: CompiledExpression }[] = [];
  const known = new Set<string>();
  for (const [name, source] of Object.entries(fields.mapOf('vars'))) {
    const path = `vars.${name}`;
    if (!VARIABLE.test(name)) fields.refuse(path, 'is no name of a variable; allowed: letters, digits and _');
    if (typeof source !== 'string') fields.refuse(path, 'has to be an expression');
    else {
      const expression = expressionAt(fields, path, source, { ...names, vars: new Set(known) });
      if (expression !== undefined) vars.push({ name, expression });
    }
    known.add(name);
  }
  return vars;
}

function parseWhen(fields: Fields, more: readonly string[], conditions: Conditions, names: CompileOptions): CompiledExpression[] {
  const sources = [...fields.textOrTexts('when'), ...more];
  const compiled = sources.map((source, index) => conditionAt(fields, `when[${index}]`, source, conditions, names));
  return compiled.filter((expression) => expression !== undefined);
}

function conditionAt(
  fields: Fields,
  path: string,
  source: string,
  conditions: Conditions,
  names: CompileOptions,
): CompiledExpression | undefined {
  const [, shared] = /^\$([A-Za-z_][A-Za-z0-9_-]*)$/.exec(source.trim()) ?? [];
  if (shared === undefined) return expressionAt(fields, path, source, { ...names, result: 'bool' });
  const condition = conditions.get(shared);
  if (condition === undefined) fields.refuse(path, `names the shared condition ${shared}, which the catalog does not have`);
  return condition;
}

function parseRequires(fields: Fields): Requirement[] {
  const requirements = fields
    .texts('requires')
    .map((text, index) => fields.problems.attempt(fields.file, fields.pathOf(`requires[${index}]`), () => parseRequirement(text)));
  return requirements.filter((requirement) => requirement !== undefined);
}

function parseApiVersions(fields: Fields): readonly string[] {
  const versions = fields.texts('apiVersions');
  const groups = new Set(versions.map((version) => version.split('/').slice(0, -1).join('/')));
  if (versions.some((version) => !API_VERSION.test(version)) || groups.size > 1) {
    fields.refuse('apiVersions', 'has to list versions of one group, each as <group>/<version>');
  }
  return versions;
}

function unionAt(fields: Fields, names: CompileOptions): Template | undefined {
  const text = fields.text('union');
  return text === undefined ? undefined : fields.problems.attempt(fields.file, fields.pathOf('union'), () => compileTemplate(text, names));
}

function parseFill(fields: Fields): readonly string[] {
  const pointers = fields.texts('fill');
  for (const pointer of pointers) {
    if (!POINTER.test(pointer)) fields.refuse('fill', `has ${JSON.stringify(pointer)}; allowed: RFC 6901 pointers such as /spec/a`);
  }
  return pointers;
}

/** @returns what an entry of the list of assets in catalog.yaml says; `undefined` when it names no file. */
export function parseEntry(fields: Fields): AssetEntry | undefined {
  const file = fields.requiredText('file');
  const entry = {
    ...optional('name', fields.text('name')),
    ...optional('group', fields.text('group')),
    params: fields.mapOf('params'),
    when: fields.textOrTexts('when'),
  };
  fields.finish();
  return file === undefined || !isJsonMap(entry.params) ? undefined : { file, ...entry };
}
