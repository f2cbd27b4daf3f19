/**
 * Machines on several remote clusters: how fast remote changes show, what a fleet at rest costs, and whether a lost cluster hurts others.
 *
 * Every control plane is a real one, the first remote behind a proxy that can drop everything. KubeVirt is the stand-in, so no guest runs: a
 * change is another kernel in the status of an instance. Time counts from before it is sent until a watch of Machines tells it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { poll } from '../../test/harness/poll';
import { defineBenchmark, type Figure } from './benchmark';
import { type BenchMachine, MachinesRig, remoteName } from './machines/machines-rig';
import { ShownChanges } from './machines/shown-changes';
import { cpuSeconds, rssMib } from './process-usage';
import type { Scrape } from './scrape';
import { percentile } from './statistics';

/** What starting leaves behind comes to rest. */
const SETTLE_MS = 30_000;
const MIN_MS = 60_000;
/** Times that differ by less than this say something of the machine and nothing of the manager. */
const NOISE_MS = 20;
/** Of a machine of this kind. */
const OLDER = {
  p50: '1.46 s',
  p99: '1.98 s',
  writes: '600 for 20 Machines',
  reads: '2,400 for 20 Machines',
  lost: 'serves no cluster at all',
};

export const machines = defineBenchmark({
  name: 'machines',
  measures:
    'Machines on remote clusters: creation, change to status, requests at rest, one cluster a black hole, new credentials, restart, memory',
  options: {
    machines: { default: 1_000, min: 20, max: 10_000, description: 'Machines, evenly on all remote clusters' },
    remotes: { default: 5, min: 2, max: 20, description: 'remote clusters, each a real control plane of about 0.5 GB' },
    seconds: { default: 30, min: 5, max: 600, description: 'time for each measurement of changes' },
    rate: { default: 50, min: 5, max: 500, description: 'changes a second' },
    rest: { default: 120, min: 10, max: 3_600, description: 'seconds at rest' },
  },
  run: ({ machines: count, remotes, seconds, rate, rest }, progress) =>
    MachinesRig.use({ machines: count, remotes }, progress, async (rig) => {
      await rig.startManager();
      const figures: Figure[] = [];
      const step = async (what: string, measure: () => Promise<Figure[]>): Promise<void> => {
        progress(what);
        figures.push(...(await measure()));
      };
      const changes = await ShownChanges.follow(rig);
      const load: Load = { ms: seconds * 1_000, perSecond: rate };
      try {
        await step(`creating ${count} Machines at once`, () => creation(rig));
        await step(`${rest} s at rest`, () => atRest(rig, rest * 1_000, 'at rest'));
        await step(`${rate} changes a second for ${seconds} s`, () => ordinary(rig, changes, load));
        await step('one cluster is a black hole', () => blackHole(rig, changes, load));
        await step('a credential is replaced and revoked', () => rotation(rig, changes, load));
        await step('starting the manager again', () => restart(rig));
        return figures;
      } finally {
        changes.close();
      }
    }),
});

interface Load {
  readonly ms: number;
  readonly perSecond: number;
}

async function creation(rig: MachinesRig): Promise<Figure[]> {
  const count = rig.machines.length;
  const before = await rig.scrape();
  const startedMs = performance.now();
  await rig.createMachines();
  const createdMs = performance.now() - startedMs;
  await rig.untilRunning(count);
  const allMs = performance.now() - startedMs;
  await pause(SETTLE_MS);
  const after = await rig.scrape();
  const perMachine = (kinds: readonly string[]): number => (writes(after, kinds) - writes(before, kinds)) / count;
  return [
    { name: 'creation: all Machines created after', value: createdMs / 1_000, unit: 's' },
    { name: 'creation: all Machines Running after', value: allMs / 1_000, unit: 's' },
    {
      name: 'creation: writes for a Machine on the supervisor, without Events',
      value: perMachine(SUPERVISOR),
      unit: '',
      goal: { atMost: 7 },
    },
    // A virtual machine and its disk; namespaces are few.
    { name: 'creation: writes for a Machine on its remote cluster', value: perMachine(REMOTE), unit: '', goal: { atMost: 2.3 } },
    { name: 'memory of the manager, RSS', value: await rssMib(rig.manager.process), unit: 'MiB', goal: { atMost: 200 } },
  ];
}

async function atRest(rig: MachinesRig, ms: number, name: string): Promise<Figure[]> {
  const [before, cpuBefore, startedMs] = [await rig.scrape(), await cpuSeconds(rig.manager.process), performance.now()];
  await pause(ms);
  const [after, cpu] = [await rig.scrape(), (await cpuSeconds(rig.manager.process)) - cpuBefore];
  const minutes = (performance.now() - startedMs) / MIN_MS;
  const perMinute = (methods: readonly string[], cluster?: string): number =>
    (requests(after, methods, cluster) - requests(before, methods, cluster)) / minutes;
  const written = writes(after, [...SUPERVISOR, ...REMOTE]) - writes(before, [...SUPERVISOR, ...REMOTE]);
  return [
    { name: `${name}: writes a minute`, value: written / minutes, unit: '', goal: { exactly: 0 }, older: OLDER.writes },
    { name: `${name}: reads a minute, watches included`, value: perMinute(['GET']), unit: '', older: OLDER.reads },
    { name: `${name}: of which on the supervisor`, value: perMinute(['GET'], 'local'), unit: '' },
    { name: `${name}: CPU of one core`, value: (cpu / (minutes * 60)) * 100, unit: '%' },
    { name: `${name}: memory of the manager, RSS`, value: await rssMib(rig.manager.process), unit: 'MiB', goal: { atMost: 200 } },
  ];
}

async function ordinary(rig: MachinesRig, changes: ShownChanges, { ms, perSecond }: Load): Promise<Figure[]> {
  const cpuBefore = await cpuSeconds(rig.manager.process);
  const sent = await changes.during(ms, perSecond, rig.machines);
  const latencies = await changes.latencies(sent);
  const cpu = (await cpuSeconds(rig.manager.process)) - cpuBefore;
  return [
    { name: 'change to status, p50', value: percentile(latencies, 0.5), unit: 'ms', goal: { atMost: 300 }, older: OLDER.p50 },
    { name: 'change to status, p99', value: percentile(latencies, 0.99), unit: 'ms', goal: { atMost: 1_000 }, older: OLDER.p99 },
    { name: 'change to status, longest', value: percentile(latencies, 1), unit: 'ms' },
    { name: 'CPU of the manager for a change', value: (cpu * 1_000) / sent.length, unit: 'ms' },
  ];
}

/** The other clusters before and while the first one answers nothing, in turn under the same load. */
async function blackHole(rig: MachinesRig, changes: ShownChanges, { ms, perSecond }: Load): Promise<Figure[]> {
  const [lost, others] = split(rig.machines);
  const rate = (perSecond * others.length) / rig.machines.length;
  const before = await changes.latencies(await changes.during(ms, rate, others));
  rig.proxy.halfOpen();
  const lostMs = performance.now();
  const sent = changes.during(ms, rate, others);
  // What happens there meanwhile shows when it is back.
  const missed = await changes.during(ms, perSecond - rate, lost);
  const during = await changes.latencies(await sent);
  const isTold = async (): Promise<boolean> => lost.every(({ name }) => changes.lostAtMs(name) !== undefined);
  await poll('Machines of the lost cluster to say so', isTold, { timeoutMs: 120_000, intervalMs: 100 });
  const toldMs = Math.max(...lost.map(({ name }) => changes.lostAtMs(name)!)) - lostMs;
  await rig.proxy.heal();
  const healedMs = performance.now();
  await changes.latencies(missed);
  const isOver = async (): Promise<boolean> => lost.every(({ name }) => changes.lostAtMs(name) === undefined);
  await poll('Machines of the cluster to be current', isOver, { timeoutMs: 120_000, intervalMs: 50 });
  const currentMs = performance.now() - healedMs;
  const limit = (share: number): number => percentile(before, share) * 1.1 + NOISE_MS;
  return [
    { name: 'black hole: changes of the others, p50, before', value: percentile(before, 0.5), unit: 'ms' },
    { name: 'black hole: the same, during', value: percentile(during, 0.5), unit: 'ms', goal: { atMost: limit(0.5) }, older: OLDER.lost },
    { name: 'black hole: changes of the others, p99, before', value: percentile(before, 0.99), unit: 'ms' },
    { name: 'black hole: the same, during', value: percentile(during, 0.99), unit: 'ms', goal: { atMost: limit(0.99) } },
    { name: 'black hole: the last of its Machines says so after', value: toldMs / 1_000, unit: 's', goal: { atMost: 30 } },
    // The first probe after the end comes up to 15 s later.
    { name: 'black hole: all current after its end', value: currentMs / 1_000, unit: 's', goal: { atMost: 35 } },
  ];
}

async function rotation(rig: MachinesRig, changes: ShownChanges, { ms, perSecond }: Load): Promise<Figure[]> {
  const last = rig.remotes.length - 1;
  const there = rig.machines.filter(({ remote }) => remote === last);
  const relists = async (): Promise<number> => (await rig.scrape()).sum('steward_informer_relists_total', { cluster: remoteName(last) });
  const before = await relists();
  const sent = changes.during(ms, perSecond, there);
  await pause(ms / 4);
  await rig.connect(last, 'virt-steward-next');
  await rig.remotes[last]!.cluster.revoke('virt-steward');
  const all = await sent;
  const lost = await changes.lost(all);
  const latencies = all.flatMap(({ sentMs, shownMs }) => (shownMs === undefined ? [] : [shownMs - sentMs]));
  return [
    { name: 'new credential, the old one revoked: changes lost', value: lost, unit: '', goal: { exactly: 0 } },
    { name: 'new credential: change to status, p50', value: percentile(latencies, 0.5), unit: 'ms' },
    { name: 'new credential: change to status, longest', value: percentile(latencies, 1), unit: 'ms' },
    { name: 'new credential: lists made anew', value: (await relists()) - before, unit: '', goal: { exactly: 0 } },
  ];
}

async function restart(rig: MachinesRig): Promise<Figure[]> {
  await rig.stopManager();
  const readyS = await rig.startManager();
  const startedMs = performance.now();
  const synced = async (): Promise<number> =>
    (await rig.scrape()).sum('steward_informer_synced', { kind: 'virtualmachineinstances.kubevirt.io' });
  await poll('remote clusters to be listed', async () => (await synced()) === rig.remotes.length, { timeoutMs: 120_000, intervalMs: 50 });
  const servingS = readyS + (performance.now() - startedMs) / 1_000;
  await pause(SETTLE_MS);
  const scrape = await rig.scrape();
  return [
    { name: 'restart: start of the process to all clusters listed', value: servingS, unit: 's', goal: { atMost: 10 } },
    { name: 'restart: writes', value: writes(scrape, [...SUPERVISOR, ...REMOTE]), unit: '', goal: { exactly: 0 } },
    { name: 'restart: reads, lists and watches included', value: requests(scrape, ['GET']), unit: '' },
    { name: 'restart: memory of the manager, RSS', value: await rssMib(rig.manager.process), unit: 'MiB', goal: { atMost: 200 } },
  ];
}

const SUPERVISOR = ['machines.vitistack.io', 'networkconfigurations.vitistack.io', 'kubevirtconfigs.vitistack.io'];
const REMOTE = ['virtualmachines.kubevirt.io', 'persistentvolumeclaims', 'namespaces'];

/** To objects of these kinds; questions about rights are POSTs, too, and change nothing. */
function writes(scrape: Scrape, kinds: readonly string[]): number {
  return kinds.reduce((sum, kind) => sum + scrape.sum('steward_api_writes_total', { kind }), 0);
}

/** Of one cluster, or of all. */
function requests(scrape: Scrape, methods: readonly string[], cluster?: string): number {
  const of = cluster === undefined ? {} : { cluster };
  return methods.reduce((sum, method) => sum + scrape.sum('rest_client_requests_total', { method, ...of }), 0);
}

function split(all: readonly BenchMachine[]): [lost: BenchMachine[], others: BenchMachine[]] {
  return [all.filter(({ remote }) => remote === 0), all.filter(({ remote }) => remote !== 0)];
}
