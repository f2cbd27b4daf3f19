/** What the wake map costs with a large fleet: memory, lookups, and how long changes hold up everything else. */
import { defineBenchmark } from './benchmark';
import { probe } from './framework/probe';

const MIB = 2 ** 20;

export const wakeMap = defineBenchmark({
  name: 'wake-map',
  measures: 'wake map and trimmed caches of a large fleet: heap, lookups, changes, re-verification',
  options: {
    vms: { default: 100_000, min: 1_000, max: 1_000_000, description: 'virtual machines with one address and three labels each' },
    configs: { default: 5, min: 1, max: 50, description: 'WolConfigs: one for all, the others for one namespace of 50 each' },
  },
  run: async ({ vms, configs }, progress) => {
    progress(`${vms} virtual machines, ${configs} WolConfigs`);
    const { heapBytes, configChange, verification, vmChangeP99Us, lookupP99Us } = await probe('../wake-map-probe', [vms, configs]);
    return [
      { name: 'heap of caches and map', value: heapBytes / MIB, unit: 'MiB', goal: { atMost: 150 } },
      { name: 'lookup, p99', value: lookupP99Us, unit: 'us', goal: { atMost: 20 } },
      { name: 'change of a virtual machine to effect, p99', value: vmChangeP99Us, unit: 'us', goal: { atMost: 100_000 } },
      { name: 'change of the config for all, in force after', value: configChange.ms, unit: 'ms' },
      {
        name: 'change of the config for all, longest block of the event loop',
        value: configChange.longestBlockMs,
        unit: 'ms',
        goal: { atMost: 50 },
      },
      { name: 're-verification of the config for all', value: verification.ms, unit: 'ms' },
      { name: 're-verification, longest block of the event loop', value: verification.longestBlockMs, unit: 'ms', goal: { atMost: 50 } },
    ];
  },
});
