/**
 * The wake map alone with a large fleet: memory, lookups, changes of configs and virtual machines. Arguments: virtual machines, configs.
 *
 * One address and three labels each, trimmed as in the cache. The caches themselves count as memory; there is no API server.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { SystemClock } from '../../src/framework/time/clock';
import { VirtualMachine } from '../../src/kubevirt/virtual-machine';
import { LocalWakeTargets } from '../../src/wol/manager/local-wake-targets';
import { pacedBy } from '../../src/wol/manager/pace';
import { WakeMap } from '../../src/wol/manager/wake-map';
import { aWolConfig, testMac } from '../../test/harness/virtual-machines';
import { liveHeapBytes } from './framework/heap';
import type { WakeMapAnswer } from './framework/probe';
import { percentile } from './statistics';

const SAMPLE_MS = 1;
const NS_PER_MS = 1e6;
const LOOKUPS = 100_000;
const CHANGES = 10_000;
const NAMESPACES = 50;
const CREATED = '2026-01-01T00:00:00Z';

const [fleet = 0, configs = 0] = process.argv.slice(2).map(Number);

function trimmedVm(n: number, mac = testMac(n)): VirtualMachine {
  const text = JSON.stringify({
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: {
      name: `vm-${n}`,
      namespace: `team-${n % NAMESPACES}`,
      uid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
      resourceVersion: String(1_000 + n),
      creationTimestamp: CREATED,
      labels: { app: `app-${n % 500}`, 'kubevirt.io/os': 'fedora', team: `team-${n % NAMESPACES}` },
    },
    spec: { runStrategy: 'Manual', template: { spec: { domain: { devices: { interfaces: [{ name: 'default', macAddress: mac }] } } } } },
    status: { printableStatus: 'Stopped', created: false, ready: false, runStrategy: 'Manual' },
  });
  return VirtualMachine.trim!(JSON.parse(text) as VirtualMachine);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function measure(): Promise<WakeMapAnswer> {
  const before = liveHeapBytes();
  const calls = { start: () => Promise.reject(new Error('unused')), unpause: () => Promise.reject(new Error('unused')) };
  const cache = new Map<string, VirtualMachine>();
  const local = new LocalWakeTargets(calls, () => true);
  const map = new WakeMap({ pace: pacedBy(new SystemClock()) });
  map.attach(local);
  for (let n = 0; n < fleet; n++) {
    const vm = trimmedVm(n);
    cache.set(`${vm.metadata!.namespace}/${vm.metadata!.name}`, vm);
    local.upsertVm(vm);
    if (n % 256 === 0) await turn();
  }
  await applyConfig(map, 'all', {});
  for (let n = 1; n < configs; n++) await applyConfig(map, `team-${n}`, { namespaceSelectors: [`team-${n % NAMESPACES}`] });
  const heapBytes = liveHeapBytes() - before;
  const configChange = await watched(() => applyConfig(map, 'all', { unpause: true }));
  const verification = await watched(() => map.verify('all', [local]));
  if (map.repairs > 0) throw new Error(`${map.repairs} differences were found in a map that is right`);
  const vmChangeUs: number[] = [];
  for (let n = 0; n < CHANGES; n++) {
    const changed = trimmedVm(n % fleet, testMac(fleet + n));
    const startedMs = performance.now();
    local.upsertVm(changed);
    if (map.resolve(testMac(fleet + n), 9) === undefined) throw new Error('a change had no effect at once');
    vmChangeUs.push((performance.now() - startedMs) * 1_000);
    if (n % 16 === 0) await turn();
  }
  const addresses = Array.from({ length: LOOKUPS }, (_, n) => testMac((n * 7_919) % (2 * fleet)));
  const lookupUs = addresses.map((mac) => {
    const startedMs = performance.now();
    map.resolve(mac, 9);
    return (performance.now() - startedMs) * 1_000;
  });
  return { heapBytes, configChange, verification, vmChangeP99Us: percentile(vmChangeUs, 0.99), lookupP99Us: percentile(lookupUs, 0.99) };
}

async function applyConfig(map: WakeMap, name: string, spec: object): Promise<void> {
  const { metadata, ...config } = aWolConfig(name, spec);
  map.upsertConfig({ ...config, metadata: { ...metadata, uid: `uid-${name}`, creationTimestamp: CREATED } } as never);
  while (map.isUnderWay(name)) await turn();
}

async function watched(work: () => Promise<void>): Promise<{ ms: number; longestBlockMs: number }> {
  const delay = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  delay.enable();
  const startedMs = performance.now();
  await work();
  const ms = performance.now() - startedMs;
  delay.disable();
  return { ms, longestBlockMs: delay.max / NS_PER_MS - SAMPLE_MS };
}

void measure().then((answer) => process.send?.(answer));
