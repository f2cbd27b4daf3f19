/** What checks look at. */
import type { RbacRule } from '../../framework';
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import type { Finding } from '../../kubevirt/diagnosis/finding';
import type { WakeMapView } from '../view/wake-map-view';

export interface DoctorContext {
  readonly view: ClusterView;
  readonly seen: WakeMapView;
  /** Where the manager runs. */
  readonly namespace: string;
  /** That the manager runs as, given or read from its Deployment; `undefined` = found by its binding. */
  readonly serviceAccount: string | undefined;
  /** What every manager needs, as `virt-steward rbac` prints it. */
  readonly rules: readonly RbacRule[];
  /** What it needs unless a flag turns that off. */
  readonly optionalRules: readonly RbacRule[];
  readonly nowMs: number;
}

export type Check = (context: DoctorContext) => Promise<Finding[]>;
