/**
 * Cuts VirtualMachines and their instances down to what this program reads, before they enter a cache.
 *
 * Owns: the list of kept fields. Invariant: every decision about a trimmed object equals the decision about the whole one.
 * A fleet of 100,000 virtual machines fits into memory only because of this.
 */
import type { KubernetesObject, ObjectMeta } from '../framework';
import { compact, sharedRecord, sharedText } from './shared-values';
import type { KubeVirtCondition, VirtualMachine, VirtualMachineSpec, VirtualMachineStatus } from './virtual-machine';
import type { VirtualMachineInstance } from './virtual-machine-instance';

export interface VirtualMachineTrimOptions {
  /** Annotations whose key begins with this are kept, all others dropped. */
  annotationPrefix: string;
}

export interface InstanceTrimOptions {
  /** Keep `status.interfaces` (name and mac); asked each time, since it changes with the configuration. @default never */
  keepInterfaces?: () => boolean;
}

/** Drops keys whose value is undefined, so that trimmed objects stay as small as they look. */
function present<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** A transform for the cache of VirtualMachines. */
export function virtualMachineTrim({ annotationPrefix }: VirtualMachineTrimOptions): (vm: VirtualMachine) => VirtualMachine {
  return (vm) =>
    packed(
      present<VirtualMachine>({
        apiVersion: vm.apiVersion,
        kind: vm.kind,
        metadata: trimmedMetadata(vm.metadata, annotationPrefix),
        spec: vm.spec && trimmedSpec(vm.spec),
        status: vm.status && trimmedStatus(vm.status),
      }),
    );
}

/** A transform for the cache of VirtualMachineInstances. */
export function virtualMachineInstanceTrim({
  keepInterfaces = () => false,
}: InstanceTrimOptions = {}): (vmi: VirtualMachineInstance) => VirtualMachineInstance {
  return (vmi) => {
    const { name, namespace, uid, resourceVersion, deletionTimestamp } = vmi.metadata ?? {};
    const terminationGracePeriodSeconds = vmi.spec?.terminationGracePeriodSeconds;
    const interfaces = keepInterfaces() ? vmi.status?.interfaces?.map(({ name, mac }) => present({ name, mac })) : undefined;
    return packed(
      present<VirtualMachineInstance>({
        apiVersion: vmi.apiVersion,
        kind: vmi.kind,
        metadata: present<ObjectMeta>({ name, namespace, uid, resourceVersion, deletionTimestamp }),
        spec: terminationGracePeriodSeconds === undefined ? undefined : { terminationGracePeriodSeconds },
        status: present({ phase: vmi.status?.phase, conditions: keptConditions(vmi.status?.conditions, ['Paused']), interfaces }),
      }),
    );
  };
}

/** The object without spare room, and with one copy of what it has in common with others. */
function packed<T extends KubernetesObject>(object: T): T {
  const result = compact(object);
  const { metadata } = result;
  if (result.apiVersion !== undefined) result.apiVersion = sharedText(result.apiVersion);
  if (result.kind !== undefined) result.kind = sharedText(result.kind);
  if (metadata?.namespace !== undefined) metadata.namespace = sharedText(metadata.namespace);
  if (metadata?.creationTimestamp !== undefined) metadata.creationTimestamp = sharedText(metadata.creationTimestamp);
  if (metadata?.labels !== undefined) metadata.labels = sharedRecord(metadata.labels);
  return result;
}

function trimmedMetadata(metadata: ObjectMeta = {}, annotationPrefix: string): ObjectMeta {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels } = metadata;
  const kept = Object.entries(metadata.annotations ?? {}).filter(([key]) => key.startsWith(annotationPrefix));
  const annotations = kept.length > 0 ? Object.fromEntries(kept) : undefined;
  return present<ObjectMeta>({ name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels, annotations });
}

function trimmedSpec({ running, runStrategy, template }: VirtualMachineSpec): VirtualMachineSpec {
  const interfaces = template?.spec?.domain?.devices?.interfaces?.map(({ name, macAddress, state }) =>
    present({ name, macAddress, state }),
  );
  const terminationGracePeriodSeconds = template?.spec?.terminationGracePeriodSeconds;
  const templateSpec = present({
    terminationGracePeriodSeconds,
    domain: interfaces === undefined ? undefined : { devices: { interfaces } },
  });
  return present<VirtualMachineSpec>({
    running,
    runStrategy,
    template: Object.keys(templateSpec).length === 0 ? undefined : { spec: templateSpec },
  });
}

function trimmedStatus(status: VirtualMachineStatus): VirtualMachineStatus {
  const { printableStatus, created, ready, runStrategy } = status;
  const stateChangeRequests = status.stateChangeRequests?.map(({ action, uid }) => present({ action, uid }));
  const conditions = keptConditions(status.conditions, ['ManualRecoveryRequired', 'Paused']);
  return present<VirtualMachineStatus>({ printableStatus, created, ready, runStrategy, stateChangeRequests, conditions });
}

function keptConditions(conditions: KubeVirtCondition[] | undefined, types: readonly string[]): KubeVirtCondition[] | undefined {
  const kept = (conditions ?? []).filter(({ type }) => types.includes(type)).map(({ type, status }) => ({ type, status }));
  return kept.length > 0 ? kept : undefined;
}
