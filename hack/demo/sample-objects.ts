/**
 * What the demo creates, and what it sends packets to.
 *
 * Owns: the choice of objects. Never: writes them. Invariant: nothing but the UDP port differs from the files, which people may apply themselves.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { objectsIn, ROOT, type TestObject } from '../../test/harness/steward-cluster';
import type { Named } from '../../test/kubevirt/stand-in';

const FILES = [
  'examples/wol/virtual-machines.yaml',
  'examples/wol/02-label-selector.yaml',
  'examples/wol/03-explicit.yaml',
  'hack/demo/lab.yaml',
];

/** The Machine, whose namespace is one of the lab. */
export const MACHINE_FILE = 'examples/machines/machine.yaml';

/** One packet of the demo. */
export interface SampleWake {
  readonly machine: Named;
  readonly mac: string;
  /** The WolConfig that lets the packet through; `undefined` = none does. */
  readonly config: string | undefined;
}

/** In the order in which they are sent: the one that must do nothing first, so that the others give it time to do something. */
export const SAMPLE_WAKES: readonly SampleWake[] = [
  { machine: { namespace: 'default', name: 'vault' }, mac: '02:00:00:aa:bb:04', config: undefined },
  { machine: { namespace: 'default', name: 'desktop' }, mac: '02:00:00:aa:bb:01', config: 'labelled' },
  { machine: { namespace: 'default', name: 'build-server' }, mac: '02:00:00:00:01:02', config: 'explicit' },
  { machine: { namespace: 'lab', name: 'ci-runner' }, mac: '02:00:00:aa:bb:03', config: 'lab' },
];

/** KubeVirt starts it when it is created, as its strategy says; to be woken its guest must have shut down first. */
export const SELF_STARTING: Named = { namespace: 'lab', name: 'ci-runner' };

/** Namespaces first, and the WolConfigs last. @param udpPort stands in for the ports of the files, which only root may open. */
export function sampleObjects(udpPort: number): TestObject[] {
  const objects = FILES.flatMap((file) => objectsIn(readFileSync(join(ROOT, file), 'utf8')));
  const of = (kind: string): TestObject[] => objects.filter((object) => object.kind === kind);
  const configs = of('WolConfig').map((config) => ({ ...config, spec: { ...(config['spec'] as object), wolPorts: [udpPort] } }));
  return [...of('Namespace'), ...of('VirtualMachine'), ...configs];
}
