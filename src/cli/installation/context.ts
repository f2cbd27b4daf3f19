/** What the checks of an installation look at. */

import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import type { Finding } from '../../kubevirt/diagnosis/finding';
import type { Installation } from './installation';
import type { Probes } from './probes';

export interface InstallContext {
  readonly view: ClusterView;
  readonly installation: Installation;
  /** Where managers run. */
  readonly namespace: string;
  readonly probes: Probes;
  /** Of the caller, to read metrics with; `undefined` = outside of the cluster, where managers cannot be reached. */
  readonly token: string | undefined;
  readonly nowMs: number;
  /** Text of the definitions that this version brings, by name; throws when they cannot be read. */
  definition(name: string): unknown;
}

export type InstallCheck = (context: InstallContext) => Promise<Finding[]>;

/** Where nothing of the cluster's network can be reached. */
export const OUTSIDE = 'not checked from outside of the cluster; helm test does it from within';
