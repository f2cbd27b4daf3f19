/**
 * How long the platform module takes: to bring up its catalog, to set back what somebody changed, to begin with a kind that is new.
 *
 * The manager runs as a process with the rights printed for its catalog, against a real API server. Who changes an object asks for it
 * again and again until it is as it was, so a figure holds the time of the last question as well.
 */
import { poll } from '../../test/harness/poll';
import { PlatformStage } from '../../test/integration/platform/platform-stage';
import { defineBenchmark, type Figure } from './benchmark';
import { cpuSeconds, rssMib } from './process-usage';
import { percentile } from './statistics';

const WARM_UP = 10;
const NAMESPACE = 'default';
/** Of a machine of this kind, with custom resources; it looked at built-in kinds every five minutes only. */
const OLDER_DRIFT = { p50: '35 ms', p99: '73 ms' };

const map = (index: number) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `map-${index}`, namespace: NAMESPACE } });
const DESCHEDULER = {
  apiVersion: 'operator.openshift.io/v1',
  kind: 'KubeDescheduler',
  metadata: { name: 'cluster', namespace: NAMESPACE },
};
const DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'kubedeschedulers.operator.openshift.io' },
};

function catalogOf(assets: number): Record<string, string> {
  const maps = Array.from({ length: assets }, (_, index) => {
    const object = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map-${index}\n  namespace: ${NAMESPACE}\ndata:\n  key: value\n`;
    return [`map-${index}.yaml`, `asset:\n  name: map-${index}\n---\n${object}`];
  });
  const descheduler = `apiVersion: ${DESCHEDULER.apiVersion}\nkind: KubeDescheduler\nmetadata:\n  name: cluster\n  namespace: ${NAMESPACE}\n`;
  return {
    ...Object.fromEntries(maps),
    'descheduler.yaml': `asset:\n  name: descheduler\n---\n${descheduler}spec:\n  deschedulingIntervalSeconds: 60\n`,
  };
}

export const platform = defineBenchmark({
  name: 'platform',
  measures: 'a changed object to its correction, first convergence, a new kind to its object',
  options: {
    assets: { default: 80, min: 10, max: 500, description: 'ConfigMaps in the catalog' },
    drifts: { default: 300, min: 10, max: 10_000, description: 'objects changed, one after another' },
    kinds: { default: 10, min: 1, max: 100, description: 'times that a definition appears' },
  },
  run: async ({ assets, drifts, kinds }, progress) => {
    progress('starting a control plane');
    const stage = await PlatformStage.set({ catalog: catalogOf(assets) });
    try {
      await stage.anchor();
      const converged = await convergence(stage, assets, progress);
      const manager = stage.manager!.process;
      progress(`changing ${WARM_UP} objects to warm up, then ${drifts}`);
      for (let n = 0; n < WARM_UP; n++) await drift(stage, n % assets);
      const cpuBefore = await cpuSeconds(manager);
      const corrected: number[] = [];
      for (let n = 0; n < drifts; n++) corrected.push(await drift(stage, n % assets));
      const cpu = (await cpuSeconds(manager)) - cpuBefore;
      progress(`letting a definition appear ${kinds} times`);
      const appeared: number[] = [];
      for (let n = 0; n < kinds; n++) appeared.push(await newKind(stage));
      const figures: Figure[] = [
        {
          name: 'process start to the last of the catalog',
          value: converged,
          unit: 'ms',
          goal: { atMost: 10_000 },
          older: '540 ms for 8 objects',
        },
        ...spread('change to correction', corrected, { p50: 300, p99: 2_000 }, OLDER_DRIFT),
        { name: 'CPU of the manager for a correction', value: (cpu * 1_000) / drifts, unit: 'ms' },
        ...spread('definition established to its object', appeared, { p50: 3_000, p99: 3_000 }, { p50: '730 ms, with a restart', p99: '' }),
        { name: 'memory of the manager', value: await rssMib(manager), unit: 'MiB', goal: { atMost: 130 }, older: '47 MiB' },
      ];
      return figures;
    } finally {
      await stage.end();
    }
  },
});

async function convergence(stage: PlatformStage, assets: number, progress: (line: string) => void): Promise<number> {
  progress(`bringing up a catalog of ${assets}`);
  const beginMs = performance.now();
  const ready = stage.startManager(['--throttle-capacity=1000']);
  for (let index = 0; index < assets; index++) {
    await poll(`map-${index}`, async () => (await stage.get(map(index))) !== undefined, { timeoutMs: 60_000, intervalMs: 2 });
  }
  const tookMs = performance.now() - beginMs;
  await ready;
  return tookMs;
}

/** @returns milliseconds from before the change was sent until it was seen to be taken back. */
async function drift(stage: PlatformStage, index: number): Promise<number> {
  await stage.merge(map(index), { data: { key: 'other' } });
  const changedMs = performance.now();
  const isBack = async (): Promise<boolean> => (await stage.get(map(index)))?.data?.['key'] === 'value';
  await poll('the correction', isBack, { timeoutMs: 30_000, intervalMs: 1 });
  return performance.now() - changedMs;
}

async function newKind(stage: PlatformStage): Promise<number> {
  await stage.define('descheduler/kubedeschedulers.operator.openshift.io.yaml');
  const establishedMs = performance.now();
  await poll('the object', async () => (await stage.get(DESCHEDULER)) !== undefined, { timeoutMs: 60_000, intervalMs: 5 });
  const tookMs = performance.now() - establishedMs;
  await stage.cluster.api.delete(DEFINITION);
  await poll('the definition to be gone', async () => (await stage.get(DEFINITION)) === undefined, { timeoutMs: 60_000 });
  return tookMs;
}

function spread(
  name: string,
  samplesMs: readonly number[],
  goal: { p50: number; p99: number },
  older: { p50: string; p99: string },
): Figure[] {
  return [
    { name: `${name}, p50`, value: percentile(samplesMs, 0.5), unit: 'ms', goal: { atMost: goal.p50 }, older: older.p50 },
    {
      name: `${name}, p99`,
      value: percentile(samplesMs, 0.99),
      unit: 'ms',
      goal: { atMost: goal.p99 },
      ...(older.p99 === '' ? {} : { older: older.p99 }),
    },
  ];
}
