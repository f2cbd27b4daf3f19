/** What one run is given. */
import type { Kind, KubernetesObject } from '../../framework';
import type { ExclusionVerdict } from '../overrides/exclusions';
import type { Pointer } from '../overrides/json-pointer';
import type { NamespaceState, ObjectApi, SchemaSource } from './ports';

export interface AssetRules {
  readonly adopt: 'always' | 'never';
  readonly create: boolean;
  readonly strategy: 'apply' | 'edit';
  /** Offered, not forced; empty where the user wants them forced. */
  readonly fill: readonly Pointer[];
  /** Writing it may reboot nodes. */
  readonly isNodeLevel: boolean;
  /** In the order of the catalog. */
  readonly position: number;
}

export interface BaselineInput {
  readonly key: string;
  /** As the cluster serves it. */
  readonly kind: Kind;
  /** What the catalog wants; no step changes it. */
  readonly rendered: KubernetesObject;
  readonly asset: AssetRules;
  readonly exclusion: ExclusionVerdict;
  /** As the informer has it; `undefined` when it has none, or is not synced. */
  readonly cached: KubernetesObject | undefined;
  /** Nothing remembered counts: a resync, or the kind has changed. */
  readonly isFull: boolean;
  readonly api: ObjectApi;
  readonly namespaceState: (name: string) => NamespaceState;
  /** Of the kind; asked only when something seems to differ. */
  readonly schema?: SchemaSource;
  /** For `strategy: edit`: renders over this state of the object. Rejects when its text cannot be read. */
  readonly renderOver?: (live: KubernetesObject) => Promise<KubernetesObject>;
}
