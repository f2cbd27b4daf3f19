/**
 * Whether the module works, and on which assets: the flag `--platform-activation` together with the anchor's annotation.
 *
 * Owns: the table of both. Never: looks at CRDs, conditions or objects; the list is asked before anything else.
 */
export type ActivationMode = 'always' | 'annotation';

/** What the catalog says about the names of one asset. */
export interface NamedAsset {
  readonly name: string;
  readonly group?: string | undefined;
  readonly aliases: readonly string[];
}

export interface Activation {
  /** Whether anything is applied at all. */
  readonly active: boolean;
  /** Why not, or what limits it, for the condition `Active`. */
  readonly reason: 'Active' | 'Allowlist' | 'Disabled' | 'NotEnabled' | 'EmptyList' | 'NoAnchor' | 'OlderOperatorRunning';
  /** Of the annotation, trimmed: activations with equal reason and value admit the same assets. */
  readonly value: string;
  /** Whether the asset may be applied as far as activation is concerned. */
  admits(asset: NamedAsset): boolean;
  /** Names of the list that are neither an asset nor a group. */
  readonly unknownNames: readonly string[];
}

const MAX_NAMES = 500;

/** @param value of the annotation `platform.kubevirt.io/autopilot`; `undefined` when absent. */
export function activationOf(value: string | undefined, mode: ActivationMode, assets: readonly NamedAsset[]): Activation {
  // Whitespace is nothing; commas without names are a list that names nothing.
  const text = (value ?? '').trim();
  if (text === '') return mode === 'always' ? everything(text) : inactive('NotEnabled', text);
  if (text === 'true') return everything(text);
  if (text === 'false') return inactive('Disabled', text);
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .slice(0, MAX_NAMES);
  return names.length === 0 ? inactive('EmptyList', text) : only(new Set(names), text, assets);
}

/** Nothing is applied. */
export function inactive(reason: Activation['reason'], value = ''): Activation {
  return { active: false, reason, value, admits: () => false, unknownNames: [] };
}

function everything(value: string): Activation {
  return { active: true, reason: 'Active', value, admits: () => true, unknownNames: [] };
}

function only(names: ReadonlySet<string>, value: string, assets: readonly NamedAsset[]): Activation {
  const known = new Set(assets.flatMap(namesOf));
  return {
    active: true,
    reason: 'Allowlist',
    value,
    admits: (asset) => namesOf(asset).some((name) => names.has(name)),
    unknownNames: [...names].filter((name) => !known.has(name)),
  };
}

function namesOf({ name, group, aliases }: NamedAsset): string[] {
  return [name, ...(group === undefined ? [] : [group]), ...aliases];
}
