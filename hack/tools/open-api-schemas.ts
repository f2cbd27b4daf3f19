/**
 * Turns what an API server tells about its kinds (OpenAPI v3) into JSON schemas, one a kind, each complete. Pure.
 *
 * Owns: the form that kubeconform reads. Invariant: a field that the API server does not know is refused, as by its strict validation.
 * Never: fetches anything from the internet; the schemas are those of the very server that objects are for.
 */
type Schema = Readonly<Record<string, unknown>>;

interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** A document of `/openapi/v3/...`. */
export interface OpenApiDocument {
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

const REFERENCE = '#/components/schemas/';

/** How kubeconform finds a file, in its own notation; the group of core is its version. */
export const SCHEMA_FILE = '{{.ResourceKind}}_{{.Group}}_{{.ResourceAPIVersion}}.json';

/** The schemas of a document, by the name of the file. */
export function schemasOf({ components }: OpenApiDocument): Map<string, Schema> {
  const all = components?.schemas ?? {};
  const files = new Map<string, Schema>();
  for (const [name, schema] of Object.entries(all)) {
    for (const { group, version, kind } of (schema['x-kubernetes-group-version-kind'] ?? []) as GroupVersionKind[]) {
      const file = `${kind.toLowerCase()}_${group === '' ? version : group}_${version}.json`;
      // Options of requests are registered under every group; only the kind's own schema has metadata.
      if ('metadata' in ((schema['properties'] ?? {}) as object)) files.set(file, complete(name, all));
    }
  }
  return files;
}

function complete(name: string, all: Readonly<Record<string, Schema>>): Schema {
  const definitions: Record<string, unknown> = {};
  const waiting = [name];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next in definitions) continue;
    definitions[next] = converted(all[next] ?? {}, (reference) => waiting.push(reference));
  }
  return { $ref: `#/definitions/${name}`, definitions };
}

function converted(value: unknown, onReference: (name: string) => void): unknown {
  if (Array.isArray(value)) return value.map((item) => converted(item, onReference));
  if (typeof value !== 'object' || value === null) return value;
  const schema = value as Schema;
  const reference = schema['$ref'];
  if (typeof reference === 'string' && reference.startsWith(REFERENCE)) {
    const name = reference.slice(REFERENCE.length);
    onReference(name);
    return { $ref: `#/definitions/${name}` };
  }
  const copy = Object.fromEntries(Object.entries(schema).map(([key, child]) => [key, converted(child, onReference)]));
  const type = schema['nullable'] === true && typeof schema['type'] === 'string' ? { type: [schema['type'], 'null'] } : {};
  return { ...copy, ...type, ...(isClosed(schema) ? { additionalProperties: false } : {}) };
}

/** Whether unknown fields would be dropped. A field may be called `properties` as well, so its value must be an object. */
function isClosed(schema: Schema): boolean {
  const hasFields = typeof schema['properties'] === 'object' && schema['properties'] !== null && schema['type'] === 'object';
  return hasFields && schema['additionalProperties'] === undefined && schema['x-kubernetes-preserve-unknown-fields'] !== true;
}
