/** The whole module on a fake supervisor and fake remote clusters, with a clock that stands still. */
import { join } from 'node:path';
import {
  createContainer,
  Handler,
  injectAll,
  type KubernetesObject,
  MetricsRegistry,
  Namespace,
  OnStartup,
  Secret,
  StewardOperator,
} from '../../../../src/framework';
import { FakeApiServer, FakeClock, TestOperator } from '../../../../src/framework/testing';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import { WAKE_TARGET_SOURCE, type WakeTarget, type WakeTargetSource } from '../../../../src/kubevirt/wake-target';
import { exceptionalSecretRights, machinesHandlersFor, provideMachines } from '../../../../src/machines';
import { BootImages } from '../../../../src/machines/boot-images/boot-images';
import { KubeVirt } from '../../../../src/machines/clusters/remote-kinds';
import { KubevirtConfig, Machine } from '../../../../src/machines/kinds';
import { NetworkAttachments } from '../../../../src/machines/network/network-kinds';
import { CloudInitMemory } from '../../../../src/machines/passes/cloud-init-step';
import { ToldOnce } from '../../../../src/machines/passes/told-once';
import {
  RemoteDataVolume,
  RemoteInstance,
  RemoteStorageClassKind,
  RemoteStorageProfile,
  RemoteVirtualMachine,
} from '../../../../src/machines/virtual-machine/remote-objects';
import { ROOT } from '../../../harness/steward-cluster';
import { aMachine, type MachineOptions } from '../builders';
import { theSettings } from '../the-settings';

const CRDS = ['machines', 'kubevirtconfigs', 'networkconfigurations'].map((name) => join(ROOT, 'crds', `vitistack.io_${name}.yaml`));
const REMOTE_KINDS = [RemoteVirtualMachine, RemoteInstance, RemoteDataVolume, RemoteStorageProfile, NetworkAttachments, KubeVirt];

export interface MachinesWorld {
  readonly clock: FakeClock;
  readonly supervisor: FakeApiServer;
  readonly remotes: Readonly<Record<string, FakeApiServer>>;
  readonly operator: TestOperator;
  readonly log: RecordingLogger;
  /** `<remote> <namespace>/<name>` of each start that KubeVirt was asked for. */
  readonly starts: readonly string[];
  /** Value of a series, as `name{label="value"}`, of the operator that runs now. */
  metric(series: string): Promise<number | undefined>;
  /** Servers of boot images that are being asked. */
  asked(): number;
  /** How much the operator that runs now remembers of single Machines. */
  remembered(): number;
  /** Notes of the Events with this reason, one for each time that one was sent. */
  eventNotes(reason: string): string[];
  /** What a magic packet may wake, as the operator that runs now knows it. */
  wakeTargets(): readonly WakeTarget[];
  machine(name: string): Machine | undefined;
  /** Creates a Machine in namespace team-a. */
  create(name: string, options?: Omit<MachineOptions, 'name'>): void;
  vm(remote: string, name: string): RemoteVirtualMachine | undefined;
  /** Puts an instance beside a virtual machine, as KubeVirt would. */
  run(remote: string, name: string, phase?: string): void;
}

export interface WorldOptions {
  /** Names of remote clusters, each with its KubevirtConfig. @default east */
  remotes?: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** Stands where the wol module would be. */
@Handler()
class SourceProbe {
  static latest: readonly WakeTargetSource[] = [];

  static images: BootImages | undefined;
  static remembered: () => number = () => 0;
  static metrics: MetricsRegistry | undefined;

  constructor(
    @injectAll(WAKE_TARGET_SOURCE) private readonly sources: readonly WakeTargetSource[],
    private readonly metrics: MetricsRegistry,
    private readonly images: BootImages,
    private readonly told: ToldOnce,
    private readonly cloudInit: CloudInitMemory,
  ) {}

  @OnStartup()
  see(): void {
    SourceProbe.metrics = this.metrics;
    SourceProbe.images = this.images;
    SourceProbe.remembered = () => this.told.size + this.cloudInit.size;
    SourceProbe.latest = this.sources;
  }
}

const ends: (() => Promise<unknown>)[] = [];

export async function aMachinesWorld({ remotes: names = ['east'], env = {} }: WorldOptions = {}): Promise<MachinesWorld> {
  const clock = new FakeClock();
  const log = new RecordingLogger();
  const supervisor = await FakeApiServer.start({ clock, crdFiles: CRDS });
  ends.push(() => supervisor.stop());
  supervisor.objects.create(Namespace, { metadata: { name: 'kube-system' } });
  const remotes: Record<string, FakeApiServer> = {};
  const starts: string[] = [];
  for (const name of names) {
    const remote = await aRemote(clock, (vm) => void starts.push(`${name} ${vm}`));
    remotes[name] = remote;
    connect(supervisor, name, remote);
  }
  const settings = theSettings(env);
  const operator = await TestOperator.start({
    handlers: [...machinesHandlersFor(settings), SourceProbe],
    exceptionalRights: exceptionalSecretRights(settings),
    ...{ server: supervisor, remotes: Object.values(remotes), clock, logger: log, domain: 'virt-steward.io' },
    // What a process remembers goes with it.
    create: (options) => {
      const container = createContainer();
      provideMachines(container, settings);
      return new StewardOperator({ ...options, container });
    },
  });
  ends.push(() => operator.kill());
  // Connected, checked, and what waited for that has been done.
  await operator.advance(3_000);
  return {
    ...{ clock, supervisor, remotes, operator, log, starts },
    metric: async (series) => {
      const line = ((await SourceProbe.metrics?.metrics()) ?? '').split('\n').find((text) => text.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    },
    asked: () => SourceProbe.images?.underWay ?? 0,
    remembered: () => SourceProbe.remembered(),
    eventNotes: (reason) =>
      supervisor.journal
        .writes()
        .filter(({ path, body }) => path.includes('/events') && (body as { reason?: string } | undefined)?.reason === reason)
        .map(({ body }) => (body as { note?: string }).note ?? ''),
    wakeTargets: () => SourceProbe.latest.flatMap((source) => [...source.targets()]),
    create: (name, options = {}) => {
      const { metadata, ...machine } = aMachine({ ...options, name });
      const { annotations } = metadata ?? {};
      const bare = { name, namespace: 'team-a', ...(annotations === undefined ? {} : { annotations }) };
      supervisor.objects.create(Machine, { ...machine, metadata: bare });
    },
    machine: (name) => supervisor.objects.get(Machine, `team-a/${name}`),
    vm: (remote, name) => remotes[remote]?.objects.get(RemoteVirtualMachine, `team-a/${name}`),
    run: (remote, name, phase = 'Running') => run(remotes[remote]!, name, phase),
  };
}

/** For `afterEach`. */
export async function endMachinesWorlds(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
}

async function aRemote(clock: FakeClock, onStart: (vm: string) => void): Promise<FakeApiServer> {
  const remote = await FakeApiServer.start({ clock, tls: true, kinds: REMOTE_KINDS, garbageCollection: true });
  ends.push(() => remote.stop());
  remote.subresources.add({
    ...{ apiVersion: 'subresources.kubevirt.io/v1', resource: 'virtualmachines', subresource: 'stop', of: 'kubevirt.io' },
    handler: ({ object }) => ({ status: object === undefined ? 404 : 202 }),
  });
  remote.subresources.add({
    ...{ apiVersion: 'subresources.kubevirt.io/v1', resource: 'virtualmachines', subresource: 'start', of: 'kubevirt.io' },
    handler: ({ namespace, name }) => {
      onStart(`${namespace}/${name}`);
      return { status: 202 };
    },
  });
  remote.objects.create(Namespace, { metadata: { name: 'kube-system' } });
  remote.objects.create(Namespace, { metadata: { name: 'kubevirt' } });
  const status = { phase: 'Deployed', observedKubeVirtVersion: 'v1.8.1', conditions: [{ type: 'Available', status: 'True' }] };
  remote.objects.create(KubeVirt, { metadata: { name: 'kubevirt', namespace: 'kubevirt' }, status } as KubeVirt);
  remote.objects.create(RemoteStorageClassKind, {
    metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    allowVolumeExpansion: true,
  });
  return remote;
}

function connect(supervisor: FakeApiServer, name: string, remote: FakeApiServer): void {
  const token = `token-${name}`;
  const kubeconfig = Buffer.from(remote.kubeconfig(token)).toString('base64');
  supervisor.objects.create(Secret, { metadata: { name: `${name}-kubeconfig`, namespace: 'default' }, data: { kubeconfig } });
  supervisor.objects.create(KubevirtConfig, {
    metadata: { name, namespace: 'default' },
    spec: { name, kubeconfigSecretRef: `${name}-kubeconfig` },
  });
}

function run(remote: FakeApiServer, name: string, phase: string): void {
  const key = `team-a/${name}`;
  const vm = remote.objects.get(RemoteVirtualMachine, key);
  const { labels, annotations } = vm?.spec?.template?.metadata ?? {};
  const phaseTransitionTimestamps = [{ phase, phaseTransitionTimestamp: '2026-01-01T00:00:00Z' }];
  remote.objects.create(RemoteInstance, {
    metadata: {
      name,
      namespace: 'team-a',
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: vm?.spec?.template?.spec ?? {},
    status: { phase, phaseTransitionTimestamps },
  });
}

/** What matters of an object when identities and times are taken away, which differ from run to run. */
export function essence({ metadata, ...rest }: KubernetesObject): unknown {
  const text = JSON.stringify({
    ...rest,
    metadata: {
      name: metadata?.name,
      finalizers: metadata?.finalizers,
      labels: metadata?.labels,
      annotations: metadata?.annotations,
      owners: metadata?.ownerReferences?.map(({ kind, name }) => `${kind} ${name}`),
    },
  });
  return JSON.parse(
    text
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UID')
      .replace(/02:12(:[0-9a-f]{2}){4}/g, 'MAC')
      .replace(/\b[0-9a-f]{64}\b/g, 'HASH')
      .replace(/cloud-init-[0-9a-f]{10}/g, 'cloud-init-HASH')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME'),
  );
}

/** One text for objects that hold the same, whatever the order of their fields. */
export function readable(value: unknown): string {
  return JSON.stringify(value, (_name, field: unknown) => (isMap(field) ? sorted(field) : field), 1);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(map: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}
