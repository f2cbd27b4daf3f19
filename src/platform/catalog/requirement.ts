/** `requires` of an asset: what it says and how it is written. */
export type Requirement =
  /** @param resource `<plural>.<group>`. */
  | { readonly type: 'crd'; readonly resource: string }
  | { readonly type: 'kind'; readonly apiVersion: string; readonly kind: string }
  | { readonly type: 'feature'; readonly feature: RequiredFeature }
  /** In sync. */
  | { readonly type: 'asset'; readonly asset: string };

const FEATURES = ['hco', 'openshift', 'olm'] as const;
export type RequiredFeature = (typeof FEATURES)[number];

const FORMS = 'crd:<plural>.<group>, kind:<apiVersion>/<Kind>, feature:hco|openshift|olm, asset:<name>';

/** @throws {TypeError} telling which forms there are. */
export function parseRequirement(text: string): Requirement {
  const colon = text.indexOf(':');
  const [type, value] = [text.slice(0, colon), text.slice(colon + 1)];
  if (type === 'crd' && /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(value)) return { type, resource: value };
  const [, apiVersion, kind] = /^([a-z0-9.-]+(?:\/[a-z0-9]+)?)\/([A-Z][A-Za-z0-9]*)$/.exec(value) ?? [];
  if (type === 'kind' && apiVersion !== undefined && kind !== undefined) return { type, apiVersion, kind };
  const feature = FEATURES.find((known) => known === value);
  if (type === 'feature' && feature !== undefined) return { type, feature };
  if (type === 'asset' && value !== '') return { type, asset: value };
  throw new TypeError(`is ${JSON.stringify(text)}; allowed: ${FORMS}`);
}

export function requirementText(requirement: Requirement): string {
  switch (requirement.type) {
    case 'crd':
      return `crd:${requirement.resource}`;
    case 'kind':
      return `kind:${requirement.apiVersion}/${requirement.kind}`;
    case 'feature':
      return `feature:${requirement.feature}`;
    case 'asset':
      return `asset:${requirement.asset}`;
  }
}
