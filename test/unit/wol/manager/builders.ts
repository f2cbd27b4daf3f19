/** Configs, targets and events with defaults; a test names only what it is about. */
import type { WolConfig, WolConfigSpec } from '../../../../src/api/wol/v1beta1';
import type { CallOutcome } from '../../../../src/kubevirt/call-outcome';
import { MISSING, type WakeState } from '../../../../src/kubevirt/wake-state';
import type { WakeTarget } from '../../../../src/kubevirt/wake-target';
import type { WakeEvent } from '../../../../src/wol/manager/wake-event';

export interface ConfigOptions {
  createdAt?: string;
  deleting?: boolean;
  uid?: string;
}

export function aConfig(
  name: string,
  spec?: WolConfigSpec,
  { createdAt = '2026-01-01T00:00:00Z', deleting = false, uid }: ConfigOptions = {},
): WolConfig {
  return {
    apiVersion: 'wol.pillon.org/v1beta1',
    kind: 'WolConfig',
    metadata: {
      name,
      uid: uid ?? `uid-${name}`,
      creationTimestamp: createdAt,
      ...(deleting && { deletionTimestamp: '2026-01-02T00:00:00Z' }),
    },
    ...(spec !== undefined && { spec }),
  };
}

export interface TargetOptions {
  cluster?: string;
  createdAt?: number;
  uid?: string;
  labels?: Record<string, string>;
  ignored?: boolean;
  /** `namespace/name` of the object on this cluster. @default the target itself */
  scope?: string;
  state?: () => WakeState;
  start?: () => Promise<CallOutcome>;
}

/** A target known only by its `namespace/name` and addresses. */
export function aTarget(key: string, macs: readonly string[] = [], options: TargetOptions = {}): WakeTarget {
  const [namespace, name] = split(key);
  const [scopeNamespace, scopeName] = split(options.scope ?? key);
  const { cluster = '', createdAt = 0, uid = `uid-${key}`, labels = {}, ignored = false } = options;
  const accept = options.start ?? (() => Promise.resolve({ kind: 'accepted' }));
  return {
    cluster,
    namespace,
    name,
    uid,
    createdAt,
    macs,
    scope: { namespace: scopeNamespace, name: scopeName, labels, ignored },
    subject: { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', namespace: scopeNamespace, name: scopeName },
    state: options.state ?? (() => MISSING),
    start: accept,
    unpause: accept,
  };
}

export function anEvent(mac: string, fields: Partial<WakeEvent> = {}): WakeEvent {
  return {
    mac,
    timestampMs: undefined,
    nodeName: 'node-1',
    sourceIp: '192.0.2.7',
    sourcePort: 40_000,
    destPort: 9,
    transport: 'udp4',
    secureOn: new Uint8Array(),
    networkInterface: '',
    configName: '',
    ...fields,
  };
}

/** `mac(1)` is 02:00:00:00:00:01. */
export function mac(number: number): string {
  const digits = number.toString(16).padStart(10, '0');
  return `02:${(digits.match(/../g) as string[]).join(':')}`;
}

function split(key: string): [string, string] {
  const [namespace = '', name = ''] = key.split('/');
  return [namespace, name];
}
