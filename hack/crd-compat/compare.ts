/**
 * What a changed CustomResourceDefinition would do to objects that are stored, and to clients that write as before. Pure.
 *
 * Owns: which change breaks. Never: reads a file.
 * Invariant: an object that the earlier definition took is taken by the later one, with everything it says; otherwise there is a finding.
 * Where two patterns or rules cannot be compared, a change of them is a finding: whoever knows better says so in allowed-breaks.yaml.
 */
import { isDeepStrictEqual } from 'node:util';

export interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly nullable?: boolean;
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string }[];
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly [keyword: string]: unknown;
}

export interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: { readonly kind: string; readonly plural: string };
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly subresources?: Readonly<Record<string, unknown>>;
      readonly schema?: { readonly openAPIV3Schema?: Schema };
    }[];
  };
}

/** Limits that refuse more the higher they are, and those that do the lower they are. */
const AT_LEAST = ['minLength', 'minimum', 'minItems', 'minProperties'];
const AT_MOST = ['maxLength', 'maximum', 'maxItems', 'maxProperties'];
/** Whose change cannot be judged; one that is new refuses what was taken. */
const OPAQUE = ['pattern', 'format', 'multipleOf', 'uniqueItems', 'not', 'allOf', 'anyOf', 'oneOf', 'exclusiveMinimum', 'exclusiveMaximum'];
const MERGING = ['x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type'];

/** @returns a line for each break, each beginning with the name of the definition and where in it. */
export function breaksBetween(earlier: readonly Crd[], later: readonly Crd[]): string[] {
  return earlier.flatMap((one) => {
    const { name } = one.metadata;
    const other = later.find(({ metadata }) => metadata.name === name);
    return other === undefined ? [`${name}: it is gone`] : definitionBreaks(one, other).map((text) => `${name} ${text}`);
  });
}

function definitionBreaks({ spec: earlier }: Crd, { spec: later }: Crd): string[] {
  const identity = ({ group, scope, names: { kind, plural } }: Crd['spec']): string => [group, scope, kind, plural].join(' ');
  const found = identity(earlier) === identity(later) ? [] : [`spec: was ${identity(earlier)}, is ${identity(later)}`];
  for (const { name, served, subresources, schema } of earlier.versions) {
    const other = later.versions.find((version) => version.name === name);
    if (other === undefined) found.push(`${name}: the version is gone, in which objects may be stored`);
    else if (served && !other.served) found.push(`${name}: the version is no longer served`);
    for (const subresource of Object.keys(subresources ?? {}))
      if (other !== undefined && other.subresources?.[subresource] === undefined) found.push(`${name}: it has no ${subresource} any more`);
    if (other !== undefined) found.push(...schemaBreaks(schema?.openAPIV3Schema ?? {}, other.schema?.openAPIV3Schema ?? {}, name));
  }
  return found;
}

function schemaBreaks(earlier: Schema, later: Schema, path: string): string[] {
  return [...limitBreaks(earlier, later).map((text) => `${path}: ${text}`), ...childBreaks(earlier, later, path)];
}

function limitBreaks(earlier: Schema, later: Schema): string[] {
  const found: string[] = [];
  const changed = (keyword: string): string => `${keyword} was ${show(earlier[keyword])}, is ${show(later[keyword])}`;
  if (earlier.type !== later.type) found.push(changed('type'));
  if (earlier.nullable === true && later.nullable !== true) found.push('it may no longer be null');
  for (const keyword of AT_LEAST) if (number(later[keyword], -Infinity) > number(earlier[keyword], -Infinity)) found.push(changed(keyword));
  for (const keyword of AT_MOST) if (number(later[keyword], Infinity) < number(earlier[keyword], Infinity)) found.push(changed(keyword));
  for (const keyword of OPAQUE)
    if (later[keyword] !== undefined && !isDeepStrictEqual(earlier[keyword], later[keyword])) found.push(changed(keyword));
  for (const keyword of MERGING) if (!isDeepStrictEqual(earlier[keyword], later[keyword])) found.push(changed(keyword));
  if (later.enum !== undefined) {
    const lost = earlier.enum?.filter((value) => !later.enum?.some((other) => isDeepStrictEqual(other, value)));
    if (lost === undefined) found.push(`only ${later.enum.map(show).join(', ')} are allowed now`);
    else if (lost.length > 0) found.push(`${lost.map(show).join(', ')} is no longer allowed`);
  }
  for (const name of later.required ?? []) {
    // A default is filled in also where a stored object is read.
    if (!earlier.required?.includes(name) && later.properties?.[name]?.default === undefined) found.push(`${name} is required now`);
  }
  const rules = new Set(earlier['x-kubernetes-validations']?.map(({ rule }) => rule));
  for (const { rule } of later['x-kubernetes-validations'] ?? []) if (!rules.has(rule)) found.push(`the rule ${show(rule)} is new`);
  return found;
}

function childBreaks(earlier: Schema, later: Schema, path: string): string[] {
  const found: string[] = [];
  for (const [name, child] of Object.entries(earlier.properties ?? {})) {
    const other = later.properties?.[name] ?? anyOther(later);
    if (other !== undefined) found.push(...schemaBreaks(child, other === true ? child : other, `${path}.${name}`));
    else if (!keepsUnknown(later)) found.push(`${path}.${name}: the field is gone, and what is stored in it`);
  }
  if (earlier.items !== undefined && later.items !== undefined) found.push(...schemaBreaks(earlier.items, later.items, `${path}[]`));
  if (keepsUnknown(earlier) && !keepsUnknown(later)) found.push(`${path}: unknown fields are no longer kept`);
  const [any, other] = [anyOther(earlier), anyOther(later)];
  if (any !== undefined && other === undefined && !keepsUnknown(later)) found.push(`${path}: it takes no keys of one's own any more`);
  if (typeof any === 'object' && typeof other === 'object') found.push(...schemaBreaks(any, other, `${path}.*`));
  if (any === true && typeof other === 'object') found.push(`${path}.*: values are limited now`);
  return found;
}

function anyOther({ additionalProperties }: Schema): Schema | true | undefined {
  return additionalProperties === false ? undefined : additionalProperties;
}

function keepsUnknown(schema: Schema): boolean {
  return schema['x-kubernetes-preserve-unknown-fields'] === true;
}

function number(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function show(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}
