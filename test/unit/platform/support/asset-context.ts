/** A context for expressions, of which a test says only what matters to it. */
import type { KubernetesObject } from '../../../../src/framework';
import { EMPTY_CONTEXT } from '../../../../src/platform/catalog';
import type { AssetContext, LookUps } from '../../../../src/platform/context/asset-context';
import type { Json } from '../../../../src/platform/json';

export interface ContextParts extends Partial<Omit<AssetContext, 'cluster' | 'settings' | 'hardware' | 'topology' | 'operator'>> {
  /** Annotations of the anchor, without `platform.kubevirt.io/`. */
  readonly options?: Readonly<Record<string, string>>;
  readonly settings?: Partial<AssetContext['settings']>;
  readonly hardware?: Partial<AssetContext['hardware']>;
  readonly topology?: Partial<AssetContext['topology']>;
  readonly operator?: Partial<AssetContext['operator']>;
  readonly cluster?: Partial<LookUps>;
}

/** Every kind is served, nothing exists. */
export function aContext({ options = {}, settings, hardware, topology, operator, cluster, ...parts }: ContextParts = {}): AssetContext {
  const annotations = Object.fromEntries(Object.entries(options).map(([name, value]) => [`platform.kubevirt.io/${name}`, value]));
  return {
    ...EMPTY_CONTEXT,
    anchor: { metadata: { annotations } },
    ...parts,
    settings: { ...EMPTY_CONTEXT.settings, hcoPresent: true, namespace: 'kubevirt-hyperconverged', ...settings },
    hardware: { ...EMPTY_CONTEXT.hardware, ...hardware },
    topology: { ...EMPTY_CONTEXT.topology, roles: ['worker'], ...topology },
    operator: { ...EMPTY_CONTEXT.operator, ...operator },
    cluster: { ...EMPTY_CONTEXT.cluster, has: () => true, hasResource: () => true, ...cluster },
  };
}

/** Look-ups that find these objects. */
export function aClusterWith(objects: readonly KubernetesObject[], schemas: Readonly<Record<string, Json>> = {}): Partial<LookUps> {
  const isOf = (apiVersion: string, kind: string) => (object: KubernetesObject) => object.apiVersion === apiVersion && object.kind === kind;
  return {
    get: async (apiVersion, kind, namespace, name) =>
      objects.filter(isOf(apiVersion, kind)).find(({ metadata }) => metadata?.name === name && (metadata?.namespace ?? '') === namespace),
    list: async (apiVersion, kind, namespace) =>
      objects.filter(isOf(apiVersion, kind)).filter(({ metadata }) => namespace === '' || metadata?.namespace === namespace),
    schemaOf: async (apiVersion, kind) => schemas[`${apiVersion}/${kind}`],
  };
}
