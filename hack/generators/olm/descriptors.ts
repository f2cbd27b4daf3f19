/**
 * Describes the fields of a kind to the consoles that show OLM's operators. Pure.
 *
 * Owns: which widget a type gets. Never: words of its own; descriptions are those of the schema.
 */
export interface FieldSchema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly items?: FieldSchema;
}

export interface Descriptor {
  readonly path: string;
  readonly displayName: string;
  readonly description: string;
  readonly 'x-descriptors'?: readonly string[];
}

const UI = 'urn:alm:descriptor:com.tectonic.ui';
const KUBERNETES = 'urn:alm:descriptor:io.kubernetes';
const ACRONYMS = new Set(['api', 'cpu', 'dns', 'id', 'ip', 'mac', 'tls', 'ttl', 'uid', 'url', 'vm', 'wol']);

/** One a property, in the order of the schema. */
export function descriptorsOf(schema: FieldSchema | undefined): Descriptor[] {
  return Object.entries(schema?.properties ?? {}).map(([path, field]) => {
    const widgets = widgetsOf(path, field);
    const common = { path, displayName: titleOf(path), description: field.description ?? '' };
    return widgets.length === 0 ? common : { ...common, 'x-descriptors': widgets };
  });
}

function widgetsOf(name: string, { type, enum: values, properties }: FieldSchema): string[] {
  if (name === 'conditions') return [`${KUBERNETES}.conditions`];
  if (values !== undefined) return values.map((value) => `${UI}:select:${String(value)}`);
  if (type === 'boolean') return [`${UI}:booleanSwitch`];
  if (type === 'integer' || type === 'number') return [`${UI}:number`];
  if (type === 'string') return [/secret(Name|Ref)?$/i.test(name) ? `${KUBERNETES}:Secret` : `${UI}:text`];
  if (properties !== undefined && 'requests' in properties && 'limits' in properties) return [`${UI}:resourceRequirements`];
  return [];
}

/** `managedVMs` becomes `Managed VMs`. */
export function titleOf(name: string): string {
  const words = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').split(' ');
  return words
    .map((word) => (ACRONYMS.has(word.toLowerCase()) ? word.toUpperCase() : word.charAt(0).toUpperCase() + word.slice(1)))
    .join(' ');
}
