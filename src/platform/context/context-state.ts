/**
 * What is known of the cluster at one moment, and what has changed since the moment before.
 *
 * Owns: both shapes, and which assets a change concerns. Invariant: pure.
 */
import type { KubernetesObject } from '../../framework';
import type { CatalogAsset } from '../catalog/asset';
import { DOMAIN, EXCLUSIONS_ANNOTATION, GOLDEN_CONFIG_ANNOTATION, ROLLOUT_ANNOTATION } from '../keys';
import type { Activation } from './activation';
import type { AnchorChoice } from './anchor';
import type { AssetContext } from './asset-context';

/** Top-level variables of expressions that are read from the cluster. */
export type ContextVariable = 'hco' | 'anchor' | 'settings' | 'hardware' | 'topology';

export interface ContextState {
  /** `unknown` until everything is known that decides on it. */
  readonly anchor: AnchorChoice;
  /** Inactive without an anchor, and while an older operator works. */
  readonly activation: Activation;
  /** Absent without an anchor. */
  readonly context: AssetContext | undefined;
  /** Variables that hold no truth yet: what reads them waits. */
  readonly unknown: ReadonlySet<ContextVariable>;
  /** The Lease of an older operator that works, and who holds it. */
  readonly olderOperator: { readonly lease: string; readonly holder: string } | undefined;
  /** For Events. */
  readonly problems: readonly ContextProblem[];
}

export interface ContextProblem {
  readonly reason:
    | 'AnchorAmbiguous'
    | 'UnknownAsset'
    | 'UnknownOption'
    | 'InvalidOption'
    | 'HardwareDetectionFailed'
    | 'OlderOperatorRunning';
  readonly message: string;
  readonly about: readonly KubernetesObject[];
}

export interface ContextChange {
  /** Everything may be another: anchor, activation, or whether we may act at all. */
  readonly everything: boolean;
  readonly variables: ReadonlySet<ContextVariable>;
  /** Names of annotations of the anchor whose value changed, as they stand there. */
  readonly annotations: ReadonlySet<string>;
}

/** @returns `undefined` when nothing that anybody acts on is different. */
export function changeOf(before: ContextState | undefined, now: ContextState): ContextChange | undefined {
  const variables = new Set<ContextVariable>();
  if (before === undefined) return { everything: true, variables, annotations: new Set() };
  for (const name of ['hco', 'anchor', 'settings', 'hardware', 'topology'] as const) {
    if (before.context?.[name] !== now.context?.[name] || before.unknown.has(name) !== now.unknown.has(name)) variables.add(name);
  }
  const annotations = changedAnnotations(anchorOf(before), anchorOf(now));
  const everything = summary(before) !== summary(now) || !isSameObject(anchorOf(before), anchorOf(now));
  return everything || variables.size > 0 || annotations.size > 0 ? { everything, variables, annotations } : undefined;
}

/** Whether the asset may come out differently. */
export function concerns(
  change: ContextChange,
  asset: Pick<CatalogAsset, 'reads' | 'options' | 'isNodeLevel' | 'fill' | 'into' | 'order'>,
): boolean {
  const { everything, variables, annotations } = change;
  if (everything || annotations.has(EXCLUSIONS_ANNOTATION)) return true;
  if (asset.isNodeLevel && annotations.has(ROLLOUT_ANNOTATION)) return true;
  if ((asset.order === 0 || asset.into !== undefined || asset.fill.length > 0) && annotations.has(GOLDEN_CONFIG_ANNOTATION)) return true;
  return [...variables].some((name) => asset.reads.has(name)) || asset.options.some(({ name }) => annotations.has(`${DOMAIN}${name}`));
}

function anchorOf({ anchor }: ContextState): KubernetesObject | undefined {
  return 'object' in anchor ? anchor.object : undefined;
}

function isSameObject(a: KubernetesObject | undefined, b: KubernetesObject | undefined): boolean {
  return a?.metadata?.uid === b?.metadata?.uid && a?.kind === b?.kind && a?.apiVersion === b?.apiVersion;
}

/** Equal when the same assets may be applied. */
function summary({ anchor, activation, olderOperator }: ContextState): string {
  return JSON.stringify([
    anchor.kind,
    'why' in anchor ? anchor.why : '',
    activation.active,
    activation.reason,
    activation.value,
    olderOperator !== undefined,
  ]);
}

function changedAnnotations(before: KubernetesObject | undefined, now: KubernetesObject | undefined): ReadonlySet<string> {
  const old = before?.metadata?.annotations ?? {};
  const current = now?.metadata?.annotations ?? {};
  const names = new Set([...Object.keys(old), ...Object.keys(current)]);
  return new Set([...names].filter((name) => name.startsWith(DOMAIN) && old[name] !== current[name]));
}
