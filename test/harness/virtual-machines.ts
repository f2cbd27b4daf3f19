/** Virtual machines and WolConfigs for tests: the field under test is visible, the rest is out of sight. */
import type { WolConfigSpec } from '../../src/api/wol/v1beta1';
import type { TestObject } from './steward-cluster';

export interface VmOptions {
  name: string;
  namespace?: string;
  mac?: string;
  labels?: Record<string, string>;
  /** @default Manual */
  runStrategy?: string;
}

export function aVm({ name, namespace = 'default', mac, labels, runStrategy = 'Manual' }: VmOptions): TestObject {
  const interfaces = mac === undefined ? [] : [{ name: 'default', bridge: {}, macAddress: mac }];
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { name, namespace, ...(labels === undefined ? {} : { labels }) },
    spec: {
      runStrategy,
      template: { spec: { domain: { devices: { interfaces } }, networks: [{ name: 'default', pod: {} }] } },
    },
  };
}

export function aWolConfig(name: string, spec: WolConfigSpec = {}): TestObject {
  return { apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name }, spec };
}

/** The nth address of a block that is locally administered and unicast. */
export function testMac(n: number): string {
  const bytes = [0x02, 0x00, (n >> 24) & 0xff, (n >> 16) & 0xff, (n >> 8) & 0xff, n & 0xff];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
