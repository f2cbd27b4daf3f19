/** Look-ups: `cluster.get`, `list`, `has`, `enum`, `schemaHas`. What a kind that is not served answers is nothing, not an error. */
import { type Environment, Optional } from '@marcbachmann/cel-js';
import type { JsonMap } from '../../json';
import { celValueOf } from '../cel-values';
import { ClusterValue } from '../expression-scope';
import type { LookUpMemo } from '../look-up-memo';

export function registerClusterFunctions(environment: Environment): void {
  const pure = { async: false };
  environment.registerType('Cluster', { ctor: ClusterValue, fields: {} });
  environment.registerFunction(
    'Cluster.get(string, string, string, string): optional<map>',
    ({ memo }: ClusterValue, apiVersion, kind, namespace, name) => {
      const object = memo.has(apiVersion, kind) ? memo.get(apiVersion, kind, namespace, name) : undefined;
      return object === undefined ? Optional.none() : Optional.of(celValueOf(object));
    },
    pure,
  );
  environment.registerFunction(
    'Cluster.list(string, string, string): list<map>',
    ({ memo }: ClusterValue, apiVersion, kind, namespace) =>
      memo.has(apiVersion, kind) ? memo.list(apiVersion, kind, namespace).map(celValueOf) : [],
    pure,
  );
  environment.registerFunction(
    'Cluster.has(string, string): bool',
    ({ memo }: ClusterValue, apiVersion, kind) => memo.has(apiVersion, kind),
    pure,
  );
  environment.registerFunction(
    'Cluster.enum(string, string, string): list<string>',
    ({ memo }: ClusterValue, apiVersion, kind, path) => enumOf(servedSchema(memo, apiVersion, kind, path)),
    pure,
  );
  environment.registerFunction(
    'Cluster.schemaHas(string, string, string): bool',
    ({ memo }: ClusterValue, apiVersion, kind, path) => servedSchema(memo, apiVersion, kind, path) !== undefined,
    pure,
  );
}

function servedSchema(memo: LookUpMemo, apiVersion: string, kind: string, path: string): JsonMap | undefined {
  if (!memo.has(apiVersion, kind)) return undefined;
  let schema = memo.schemaOf(apiVersion, kind) as JsonMap | undefined;
  for (const member of path.split('.')) schema = fieldOf(itemsOf(schema), member);
  return schema;
}

function fieldOf(schema: JsonMap | undefined, member: string): JsonMap | undefined {
  const properties = schema?.['properties'] as JsonMap | undefined;
  return properties !== undefined && Object.hasOwn(properties, member) ? (properties[member] as JsonMap) : undefined;
}

/** A path goes through lists without saying so. */
function itemsOf(schema: JsonMap | undefined): JsonMap | undefined {
  return schema?.['type'] === 'array' ? (schema['items'] as JsonMap | undefined) : schema;
}

function enumOf(schema: JsonMap | undefined): string[] {
  const values = (itemsOf(schema)?.['enum'] ?? []) as unknown[];
  return values.filter((value) => typeof value === 'string');
}
