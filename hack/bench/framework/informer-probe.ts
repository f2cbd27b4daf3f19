/**
 * First list and watch of a large collection by an informer. Arguments: port, events, mode.
 *
 * Modes: `with-last-applied` keeps kubectl's annotation, `default` does not, `metadata` asks for metadata only, `wol` trims as Wake-on-LAN.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type CredentialSource, HttpTransport, type ResolvedCredentials } from '../../../src/framework/client';
import { ApiKindDiscovery } from '../../../src/framework/cluster/kind-discovery';
import { defineKind } from '../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../src/framework/kinds/object';
import { nullLogger } from '../../../src/framework/logging/logger';
import { SystemClock } from '../../../src/framework/time/clock';
import { createInformer, type ResourceInformer, StormLimiter } from '../../../src/framework/watch';
import { VirtualMachine } from '../../../src/kubevirt/virtual-machine';
import { liveHeapBytes } from './heap';
import type { InformerAnswer } from './probe';

/** As it comes: nothing trimmed, and no question whether it is served. */
const SAMPLE = defineKind('kubevirt.io/v1', 'VirtualMachine', 'virtualmachines', { scope: 'Namespaced' });
/** The sampler's own period is part of what it reports. */
const SAMPLE_MS = 1;
const NS_PER_MS = 1e6;

const [port = '', eventsText = '', mode = ''] = process.argv.slice(2);
const events = Number(eventsText);

async function measure(): Promise<InformerAnswer> {
  const { informer, close } = informerAt(`http://127.0.0.1:${port}`);
  const heapBefore = liveHeapBytes();
  const delay = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  delay.enable();
  const watched = firstAndLastEvent(informer);
  const [startedMs, startedCpu] = [performance.now(), process.cpuUsage()];
  informer.start();
  await synced(informer);
  const syncMs = performance.now() - startedMs;
  const syncCpuMs = cpuMsSince(startedCpu);
  delay.disable();
  const { eventsPerSecond, cpuMsPerEvent } = events === 0 ? { eventsPerSecond: 0, cpuMsPerEvent: 0 } : await watched;
  const heapBytesPerObject = (liveHeapBytes() - heapBefore) / informer.store.size;
  await informer.stop();
  close();
  return {
    ...{ syncMs, syncCpuMs, heapBytesPerObject, eventsPerSecond, cpuMsPerEvent },
    loopDelayP99Ms: delay.percentile(99) / NS_PER_MS - SAMPLE_MS,
    loopDelayMaxMs: delay.max / NS_PER_MS - SAMPLE_MS,
  };
}

function informerAt(server: string): { informer: ResourceInformer<KubernetesObject>; close: () => void } {
  const clock = new SystemClock();
  const transport = new HttpTransport({ cluster: 'bench', credentials: anonymous(server), clock, userAgent: 'bench' });
  const discovery = new ApiKindDiscovery({ transport, clock, logger: nullLogger });
  const informer = createInformer({
    kind: SAMPLE,
    cluster: 'bench',
    transport,
    clock,
    logger: nullLogger,
    limiter: new StormLimiter(clock),
    discovery,
    transform: mode === 'wol' ? VirtualMachine.trim : undefined,
    stripLastApplied: mode !== 'with-last-applied',
    selection: { metadataOnly: mode === 'metadata' },
  });
  return { informer, close: () => transport.close() };
}

function synced(informer: ResourceInformer<KubernetesObject>): Promise<void> {
  return new Promise((resolve) => informer.onStatus((status) => status.synced && resolve()));
}

/** Throughput between the first and the last event of the watch, as a listener sees them. */
function firstAndLastEvent(informer: ResourceInformer<KubernetesObject>): Promise<{ eventsPerSecond: number; cpuMsPerEvent: number }> {
  let seen = 0;
  let first: { ms: number; cpu: NodeJS.CpuUsage } | undefined;
  return new Promise((resolve) => {
    informer.subscribe(({ type }) => {
      if (type !== 'MODIFIED') return;
      first ??= { ms: performance.now(), cpu: process.cpuUsage() };
      if (++seen < events) return;
      resolve({ eventsPerSecond: (events / (performance.now() - first.ms)) * 1_000, cpuMsPerEvent: cpuMsSince(first.cpu) / events });
    });
  });
}

function cpuMsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}

function anonymous(server: string): CredentialSource {
  const resolved: ResolvedCredentials = {
    server: new URL(server),
    headers: {},
    tls: {},
    proxyUrl: undefined,
    socksAgent: undefined,
    fingerprint: '',
    connectionFingerprint: '',
  };
  return { current: async () => resolved, refresh: async () => resolved };
}

void measure().then((answer) => process.send?.(answer));
