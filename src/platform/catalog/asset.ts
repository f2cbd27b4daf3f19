/**
 * One entry of the catalog, as loading it leaves it.
 *
 * Owns: what the header of an asset says, with every default filled in, and what its expressions are known to read.
 * Never: reads a file, evaluates anything.
 */
import type { CompiledExpression, LookUpUse, OptionUse, Template } from '../expressions';
import type { JsonMap } from '../json';
import type { Requirement } from './requirement';

export type { Requirement } from './requirement';

export type Maturity = 'ga' | 'tp' | 'dp';

export interface AssetHeader {
  readonly name: string;
  /** A further name for the allowlist, and the scope in which `order` is waited for. */
  readonly group?: string;
  readonly aliases: readonly string[];
  readonly description?: string;
  readonly maturity: Maturity;
  /** 0 = before everything else. */
  readonly order: number;
  readonly install: 'always' | 'opt-in';
  /** Names x of `enable-x`, the first being the one to write; the others are older. */
  readonly switches: readonly string[];
  /** All have to be true. */
  readonly when: readonly CompiledExpression[];
  /** What has to be there before a wanted asset is rendered; its own kind always has to and is not named here. */
  readonly requires: readonly Requirement[];
  /** Alternatives; the first that is served is used. */
  readonly apiVersions: readonly string[];
  readonly params: JsonMap;
  /** Evaluated in this order; each sees those before it. */
  readonly vars: readonly { readonly name: string; readonly expression: CompiledExpression }[];
  /** One key per element. */
  readonly forEach?: CompiledExpression;
  /** Name of the asset that this one is a fragment of. */
  readonly into?: string;
  /** Group of assets that share their `spec`; a template, since members that differ by pool are in groups that differ by pool. */
  readonly union?: Template;
  /** RFC 6901 pointers of what is offered, not forced. */
  readonly fill: readonly string[];
  readonly adopt: 'always' | 'never';
  /** false: only an object that exists is managed. */
  readonly create: boolean;
  readonly strategy: 'apply' | 'edit';
  readonly onUnwanted: 'keep' | 'delete';
}

export interface AssetIdentity {
  readonly apiVersions: readonly string[];
  readonly kind: string;
  /** Absent when only an evaluation can tell, or when instances differ. */
  readonly name?: string;
  /** Every name that an instance can have; absent when only an evaluation can tell. */
  readonly names?: readonly string[];
  /** Absent when the object has none, or when only an evaluation can tell. */
  readonly namespace?: string;
}

export interface CatalogAsset extends AssetHeader {
  /** Below the directory of the catalog, with `/`. */
  readonly file: string;
  /** In the order of the catalog, from 0. */
  readonly position: number;
  /** Of which the fields are `${ }` templates. */
  readonly document: Template;
  /** Variables of the context that header or object read: `hco`, `hardware`, ... What they read with `option` stands in `options`. */
  readonly reads: ReadonlySet<string>;
  readonly lookUps: readonly LookUpUse[];
  /** What `option` and `enabled` read, and switches. */
  readonly options: readonly OptionUse[];
  readonly identity: AssetIdentity;
  /** Applying it may reboot nodes: MachineConfig and KubeletConfig. */
  readonly isNodeLevel: boolean;
}

export interface Feature {
  readonly name: string;
  readonly description: string;
  readonly maturity: Maturity;
  /** Names of assets, those of its groups included, in the order of the catalog. */
  readonly assets: readonly string[];
  readonly groups: readonly string[];
  readonly requires: readonly string[];
  readonly recommended: readonly string[];
}

/** An object that an earlier version of the catalog kept. */
export interface FormerObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Absent for an object of the cluster. */
  readonly namespace?: Template;
  readonly file: string;
}

export interface Catalog {
  /** Written to the HyperConverged. */
  readonly version: string;
  /** Sorted by order, then by position. */
  readonly assets: readonly CatalogAsset[];
  /** Sorted by maturity (ga, tp, dp), then by name. */
  readonly features: readonly Feature[];
  /** To be deleted. */
  readonly tombstones: readonly FormerObject[];
  /** To be treated as orphans: shown, and deleted only where the user says so. */
  readonly retired: readonly FormerObject[];
  /** Names of annotations of the anchor that the catalog reads, without `platform.kubevirt.io/`. */
  readonly optionNames: ReadonlySet<string>;
  /** Text by path below the folder of files. */
  readonly files: ReadonlyMap<string, string>;
  assetByName(name: string): CatalogAsset | undefined;
}
