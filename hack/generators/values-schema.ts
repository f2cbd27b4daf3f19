/**
 * Reads a commented `values.yaml` and derives its JSON schema (draft-07). Pure.
 *
 * Owns: the notation. A comment above a key describes it; `@schema {...}` at its end adds to what the default tells:
 * keywords of JSON schema, `ref` for a definition below, `open: true` for a map that takes further keys.
 * Invariant: every key has a description and a type.
 */
import { isMap, isScalar, parse, parseDocument, type YAMLMap } from 'yaml';

export interface ValuesEntry {
  readonly key: string;
  readonly description: string;
  /** The default. */
  readonly value: unknown;
  /** Takes keys that are not listed. */
  readonly isOpen: boolean;
  /** What `@schema` adds. */
  readonly keywords: Readonly<Record<string, unknown>>;
  readonly children: readonly ValuesEntry[];
}

type Schema = Readonly<Record<string, unknown>>;

const DNS_LABEL = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?';
/** What Kubernetes takes as the name of most kinds of object, of a namespace, and as key and value of a label. */
const OBJECT_NAME = { type: 'string', pattern: `^${DNS_LABEL}(\\.${DNS_LABEL})*$`, maxLength: 253 };
const NAMESPACE_NAME = { type: 'string', pattern: `^${DNS_LABEL}$` };
const KEY = { pattern: `^(${DNS_LABEL}(\\.${DNS_LABEL})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$` };
const LABEL_VALUE = { type: 'string', pattern: '^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$' };

/** Host with an optional port, and folders; never a scheme or a slash at the end. */
const REGISTRY = '([A-Za-z0-9][-A-Za-z0-9.]*|\\[[0-9a-fA-F:]+\\])(:[0-9]+)?(/[a-z0-9][-a-z0-9._]*)*';

const OBJECT_REF: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: { namespace: orEmpty(NAMESPACE_NAME), name: OBJECT_NAME },
};

const DEFINITIONS: Readonly<Record<string, Schema>> = {
  port: { type: 'integer', minimum: 1, maximum: 65_535 },
  portList: { type: 'array', items: { type: 'integer', minimum: 1, maximum: 65_535 } },
  duration: { type: 'string', pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))*$' },
  stringMap: { type: 'object', additionalProperties: { type: 'string' } },
  stringList: { type: 'array', items: { type: 'string' } },
  labelMap: { type: 'object', propertyNames: KEY, additionalProperties: LABEL_VALUE },
  annotationMap: { type: 'object', propertyNames: KEY, additionalProperties: { type: 'string' } },
  imageMap: {
    type: 'object',
    propertyNames: { pattern: '^[A-Za-z][-A-Za-z0-9_]*$' },
    additionalProperties: { type: 'string', minLength: 1 },
  },
  objectName: orEmpty(OBJECT_NAME),
  /** The first part of names: not longer, as something follows it. */
  namePart: { ...orEmpty(OBJECT_NAME), maxLength: 40 },
  namespaceName: orEmpty(NAMESPACE_NAME),
  objectNames: { type: 'array', items: OBJECT_NAME },
  namespaceNames: { type: 'array', items: NAMESPACE_NAME },
  envMap: { type: 'object', propertyNames: { pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }, additionalProperties: { type: 'string' } },
  object: { type: 'object' },
  objectList: { type: 'array', items: { type: 'object' } },
  namedList: { type: 'array', items: { type: 'object', required: ['name'], properties: { name: OBJECT_NAME } } },
  registry: { type: 'string', pattern: `^(${REGISTRY})?$` },
  repository: { type: 'string', pattern: `^(${REGISTRY}/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$` },
  tag: { type: 'string', pattern: '^([A-Za-z0-9_][-A-Za-z0-9_.]{0,127})?$' },
  /** Host names and addresses. */
  hostList: { type: 'array', items: { type: 'string', pattern: '^[^\\s]+$' } },
  /** As in the API, and each has a name. */
  envList: { type: 'array', items: { type: 'object', required: ['name'], properties: { name: { type: 'string', minLength: 1 } } } },
  numberOrPercentage: { type: ['integer', 'string', 'null'], minimum: 0, pattern: '^[0-9]+%?$' },
  alert: {
    type: 'object',
    additionalProperties: false,
    properties: {
      enabled: { type: 'boolean' },
      for: { type: 'string', pattern: '^([0-9]+(ms|[smhdwy]))*$' },
      severity: { type: 'string' },
    },
  },
  agentEndpoints: {
    type: 'array',
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['port'],
      properties: { config: orEmpty(OBJECT_NAME), port: { type: 'integer', minimum: 1, maximum: 65_535 } },
    },
  },
  objectRefs: { type: 'array', items: OBJECT_REF },
};
const OPEN_DEFINITIONS = new Set(['object', 'objectList', 'envList', 'stringMap', 'labelMap', 'annotationMap', 'imageMap', 'envMap']);

function orEmpty({ pattern, ...others }: { readonly pattern: string; readonly [keyword: string]: unknown }): Schema {
  return { ...others, pattern: `^(${pattern.slice(1, -1)})?$` };
}

/** @throws {Error} naming a key without a description, or with a notation that is not known. */
export function valuesEntries(text: string): ValuesEntry[] {
  const { contents } = parseDocument(text);
  if (!isMap(contents)) throw new Error('values.yaml is no map');
  return entriesOf(contents, '', contents.commentBefore ?? '');
}

function entriesOf(map: YAMLMap, parent: string, firstComment: string): ValuesEntry[] {
  return map.items.map(({ key, value }, index) => {
    if (!isScalar(key)) throw new Error(`${parent} has a key that is no text`);
    const path = `${parent}${key.value}`;
    const comment = (key.commentBefore ?? (index === 0 ? firstComment : '')).split(/\n\s*\n/).at(-1) ?? '';
    const [, description = '', notation] =
      /^([\s\S]*?)(?:@schema (\{[\s\S]*\}))?$/.exec(
        comment
          .split('\n')
          .map((line) => line.trim())
          .join(' ')
          .trim(),
      ) ?? [];
    if (description.trim() === '') throw new Error(`${path} of values.yaml has no description above it`);
    const { open, ...keywords } = (notation === undefined ? {} : parse(notation)) as Record<string, unknown>;
    const isLeaf = 'ref' in keywords || 'type' in keywords;
    return {
      key: String(key.value),
      description: description.trim(),
      value: isScalar(value) ? value.value : ((value as { toJSON(): unknown } | null)?.toJSON() ?? null),
      isOpen: open === true || OPEN_DEFINITIONS.has(String(keywords['ref'])),
      keywords,
      children: isMap(value) && !isLeaf ? entriesOf(value, `${path}.`, value.commentBefore ?? '') : [],
    };
  });
}

export function valuesSchema(entries: readonly ValuesEntry[]): Schema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart virt-steward',
    ...objectSchema(entries, false),
    definitions: DEFINITIONS,
  };
}

function objectSchema(entries: readonly ValuesEntry[], isOpen: boolean): Schema {
  return {
    type: 'object',
    ...(isOpen ? {} : { additionalProperties: false, required: entries.filter(isNeeded).map(({ key }) => key) }),
    properties: Object.fromEntries(entries.map((entry) => [entry.key, entrySchema(entry)])),
  };
}

/**
 * Whether templates count on it. Helm drops a key whose value somebody sets to null: of a text that leaves it empty, of a map with
 * defaults it is the only way to get rid of these, of anything else it is a mistake.
 */
function isNeeded({ value, isOpen }: ValuesEntry): boolean {
  if (value === '' || value === null) return false;
  return !(isOpen && !Array.isArray(value) && typeof value === 'object' && Object.keys(value).length > 0);
}

function entrySchema({ key, description, value, isOpen, keywords, children }: ValuesEntry): Schema {
  const { ref, ...others } = keywords;
  if (ref !== undefined) {
    if (!(String(ref) in DEFINITIONS))
      throw new Error(`${key} of values.yaml refers to ${JSON.stringify(ref)}; allowed: ${Object.keys(DEFINITIONS).join(', ')}`);
    return { description, allOf: [{ $ref: `#/definitions/${String(ref)}` }], ...others };
  }
  if (children.length > 0) return { description, ...objectSchema(children, isOpen), ...others };
  return { description, ...('type' in others ? {} : { type: typeOf(key, value) }), ...others };
}

function typeOf(key: string, value: unknown): string {
  if (typeof value === 'boolean' || typeof value === 'string') return typeof value;
  if (typeof value === 'number') return 'integer';
  throw new Error(`the default of ${key} in values.yaml does not tell a type: add @schema {"ref": ...} or {"type": ...}`);
}
