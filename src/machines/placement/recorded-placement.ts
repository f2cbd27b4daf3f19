/**
 * The placement that is recorded on a Machine, pure.
 *
 * Owns: both forms of the record: status.kubevirtConfigRef, and status.providerID where the CRD does not keep that.
 */
import { type ConfigName, clusterKey } from '../clusters/cluster-key';
import type { Machine } from '../kinds';

const PROVIDER_ID = /^kubevirt:\/\/(.+)\/([^/]+)\/([^/]+)$/;

export function providerIdOf(key: string, namespace: string, vm: string): string {
  return `kubevirt://${key}/${namespace}/${vm}`;
}

/**
 * @param home see `clusterKey`.
 * @param keepsRecord whether the CRD keeps status.kubevirtConfigRef.
 * @returns the cluster key; `undefined` = nothing is recorded.
 */
export function recordedKey({ status }: Pick<Machine, 'status'>, home: string, keepsRecord: boolean): string | undefined {
  const { name = '', namespace = '' } = status?.kubevirtConfigRef ?? {};
  if (name !== '') return clusterKey({ namespace, name }, home);
  return keepsRecord ? undefined : PROVIDER_ID.exec(status?.providerID ?? '')?.[1];
}

/** States of a Machine for which nothing was made. */
const NOTHING_MADE: ReadonlySet<string> = new Set(['', 'Pending', 'Failed', 'Terminating']);

/** A Machine without a record whose status tells of a virtual machine: the older operator, which kept no record, has made one. */
export function showsMachineOfOlderOperator({ status = {} }: Pick<Machine, 'status'>): boolean {
  const { state = '', networkInterfaces = [], disks = [] } = status;
  return networkInterfaces.length > 0 || disks.length > 0 || !NOTHING_MADE.has(state);
}

/** What goes into status.kubevirtConfigRef. */
export function recordOf(
  { namespace, name }: ConfigName,
  { clusterID, rule, placedAt }: { clusterID: string | undefined; rule: string; placedAt: string },
): NonNullable<NonNullable<Machine['status']>['kubevirtConfigRef']> {
  return { name, ...(namespace === '' ? {} : { namespace }), ...(clusterID === undefined ? {} : { clusterID }), rule, placedAt };
}
