import { execFile } from 'node:child_process';
import { expect } from 'chai';
import { parse } from 'yaml';
import type { KubernetesObject } from '../../../src/framework';
import type { Json, JsonMap } from '../../../src/platform/json';
import { CatalogCluster, pathOf } from '../../harness/catalog-cluster';
import { CURRENT_CRDS } from '../../harness/catalog-crds';
import { CATALOG } from '../../harness/catalog-sample';
import { EVERYTHING, SELF_NODE_REMEDIATION } from '../../harness/catalog-samples';
import { poll } from '../../harness/poll';
import { MAIN, NAMESPACE, StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';

const HCO = {
  apiVersion: 'hco.kubevirt.io/v1',
  kind: 'HyperConverged',
  metadata: { name: 'kubevirt-hyperconverged', namespace: NAMESPACE },
};
const STATUS = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'virt-steward-platform-status', namespace: NAMESPACE } };
/** Switched on beside what waits to be asked for. */
const NAMESPACES = [
  'metallb-system',
  'openshift-kube-descheduler-operator',
  'openshift-monitoring',
  'openshift-mtv',
  'openshift-operators',
  'openshift-workload-availability',
];
/** Only without a HyperConverged. */
const NOT_BESIDE_HCO = ['aaq-standalone'];
/** Installed by an asset, so it is not there before. */
const DEFINITIONS = CURRENT_CRDS.filter((name) => name !== 'nodemaintenances.nodemaintenance.medik8s.io');

interface Row {
  readonly identity: string;
  readonly status: string;
  readonly reason: string;
}

interface RenderRecord {
  readonly asset: string;
  readonly status: string;
  readonly reason: string;
  readonly differences?: readonly Json[];
}

describe('the catalog that is shipped, on a cluster with KubeVirt alone', () => {
  const KUBEVIRT = { apiVersion: 'kubevirt.io/v1', kind: 'KubeVirt', metadata: { name: 'kubevirt', namespace: NAMESPACE } };
  const AAQ = '/apis/aaq.kubevirt.io/v1alpha1/aaqs/aaq';
  let cluster: StewardCluster;
  let manager: ManagerProcess | undefined;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'platform', kubevirt: false });
    await new CatalogCluster(cluster.controlPlane).install([
      'aaqs.aaq.kubevirt.io',
      'kubevirts.kubevirt.io',
      'uiplugins.observability.openshift.io',
    ]);
    const path = pathOf(KUBEVIRT);
    const body = { ...KUBEVIRT, metadata: { ...KUBEVIRT.metadata, annotations: annotationsOf({ 'enable-aaq': 'true' }) }, spec: {} };
    await cluster.api.ask({ method: 'POST', path: path.slice(0, path.lastIndexOf('/')), body });
    manager = await startManager(cluster);
  });

  after(async () => {
    await manager?.process.stop();
    await cluster?.stop();
  });

  const untilThere = (): Promise<TestObject> =>
    poll('the AAQ to be there', async () => {
      const { status, body } = await cluster.controlPlane.request({ path: AAQ });
      return status === 200 && (body as TestObject);
    });

  it('has its switches on the KubeVirt, and what HyperConverged would bring', async () => {
    expect((await untilThere()).metadata['labels']).to.deep.equal({ 'platform.kubevirt.io/managed-by': 'virt-steward' });
  });

  it('makes what somebody deleted', async () => {
    const { metadata } = await untilThere();
    await cluster.api.ask({ method: 'DELETE', path: AAQ });

    await poll('another one', async () => (await untilThere()).metadata['uid'] !== metadata['uid']);
  });

  it('takes it away when it is switched off, where the user says so', async () => {
    await cluster.api.ask({
      method: 'PATCH',
      path: pathOf(KUBEVIRT),
      contentType: 'application/merge-patch+json',
      body: { metadata: { annotations: annotationsOf({ 'enable-aaq': 'false', 'on-removal': 'delete' }) } },
    });

    await poll('the AAQ to be gone', async () => (await cluster.controlPlane.request({ path: AAQ })).status === 404, {
      intervalMs: 500,
    });
  });
});

describe('the catalog that is shipped, with the rights that are printed', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess | undefined;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'platform', kubevirt: false });
    await new CatalogCluster(cluster.controlPlane).install(DEFINITIONS);
    for (const name of NAMESPACES) await cluster.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    for (const node of nodes()) await cluster.api.apply(node);
    await create(infrastructure());
    await create({ ...SELF_NODE_REMEDIATION, spec: { template: { spec: {} } } });
    await create({ ...HCO, metadata: { ...HCO.metadata, annotations: annotationsOf(EVERYTHING) }, spec: {} });
    for (const [path, object] of tombstones()) await older(path, object);
    manager = await startManager(cluster);
  });

  after(async () => {
    await manager?.process.stop();
    await cluster?.stop();
  });

  const create = async (object: KubernetesObject & { readonly spec?: object }): Promise<void> => {
    const path = pathOf(object as unknown as JsonMap);
    await cluster.api.ask({ method: 'POST', path: path.slice(0, path.lastIndexOf('/')), body: object });
  };
  /** As virt-platform-autopilot kept it. */
  const older = async (path: string, object: KubernetesObject): Promise<void> => {
    await cluster.api.ask({
      method: 'PATCH',
      path: `${path}?fieldManager=virt-platform-autopilot&force=true`,
      contentType: 'application/apply-patch+yaml',
      body: object,
    });
  };
  const rows = async (): Promise<Record<string, Row>> => {
    const status = (await cluster.api.get(STATUS)) as { data?: Record<string, string> } | undefined;
    return (parse(status?.data?.['assets.yaml'] ?? '{}') ?? {}) as Record<string, Row>;
  };
  const until = (what: string, isDone: (rows: Record<string, Row>) => boolean): Promise<Record<string, Row>> => {
    let seen: Record<string, Row> = {};
    const onTimeout = (): string =>
      JSON.stringify(Object.fromEntries(Object.entries(seen).map(([key, { status, reason }]) => [key, `${status} ${reason}`])));
    return poll(
      what,
      async () => {
        seen = await rows();
        return isDone(seen) && seen;
      },
      { intervalMs: 500, onTimeout },
    );
  };

  it('comes to be on the cluster, every asset of it', async () => {
    const wanted = CATALOG.assets.filter(({ name }) => !NOT_BESIDE_HCO.includes(name)).map(({ name }) => name);
    const isThere =
      (all: Record<string, Row>) =>
      (name: string): boolean => {
        const own = Object.entries(all).filter(([key]) => key === name || key.startsWith(`${name}[`));
        return own.length > 0 && own.every(([, { status }]) => status === 'INCLUDED');
      };

    const all = await until('every asset is applied', (found) => ownAssets(wanted).every(isThere(found)));
    expect(Object.values(all).filter(({ status }) => status === 'ERROR')).to.deep.equal([]);
  });

  it('is what render prints, to the last field: the API server would change nothing', async () => {
    const { code, records } = await render('--dry-run-diff');
    const included = records.filter(({ status }) => status === 'INCLUDED');

    expect(code).to.equal(0);
    expect(included.length).to.be.greaterThan(20);
    for (const { asset, differences } of included) expect(differences ?? [], asset).to.deep.equal([]);
  });

  it('is reported by render as the manager reports it', async () => {
    const { records } = await render('--show-excluded');
    const reported = await rows();

    for (const { asset, status } of records) {
      if (asset in reported) expect(`${asset} ${status}`).to.equal(`${asset} ${reported[asset]!.status}`);
    }
  });

  it('takes away what an earlier operator kept under names that are no longer used', async () => {
    for (const [path, object] of tombstones()) {
      await poll(
        `${object.kind} ${object.metadata?.name} to be gone`,
        async () => (await cluster.controlPlane.request({ path })).status === 404,
        {
          intervalMs: 500,
        },
      );
    }
  });

  it('takes such an object away as soon as somebody brings it back', async () => {
    const [path, object] = tombstones().at(-1)!;
    await older(path, object);

    await poll('it to be gone again', async () => (await cluster.controlPlane.request({ path })).status === 404, {
      intervalMs: 500,
    });
  });

  it('goes again when it is not wanted any more, where the user says so', async () => {
    const off = [...CATALOG.optionNames].filter((name) => name.startsWith('enable-')).map((name) => [name, 'false'] as const);
    const annotations = annotationsOf({ ...Object.fromEntries(off), 'on-removal': 'delete' });
    await cluster.api.ask({
      method: 'PATCH',
      path: pathOf(HCO),
      contentType: 'application/merge-patch+json',
      body: { metadata: { annotations } },
    });

    for (const [kind, path] of [
      ['MachineConfig', '/apis/machineconfiguration.openshift.io/v1/machineconfigs'],
      ['KubeletConfig', '/apis/machineconfiguration.openshift.io/v1/kubeletconfigs'],
      ['UIPlugin', '/apis/observability.openshift.io/v1alpha1/uiplugins'],
      ['NodeHealthCheck', '/apis/remediation.medik8s.io/v1alpha1/nodehealthchecks'],
      ['MetalLB', '/apis/metallb.io/v1beta1/metallbs'],
      ['KubeDescheduler', '/apis/operator.openshift.io/v1/kubedeschedulers'],
      ['Subscription', '/apis/operators.coreos.com/v1alpha1/subscriptions'],
    ] as const) {
      let left: string[] = [];
      await poll(
        `no ${kind} to be left`,
        async () => {
          const { items } = await cluster.api.ask<{ items: TestObject[] }>({ path });
          left = items.map(({ metadata }) => metadata.name);
          return left.length === 0;
        },
        { intervalMs: 500, onTimeout: () => left.join(', ') },
      );
    }
    expect(await cluster.api.ask<TestObject>({ path: pathOf(HCO) })).to.have.nested.property('metadata.name', HCO.metadata.name);
  });

  /** Fragments are a part of another object and have no row that the manager keeps apart. */
  function ownAssets(names: readonly string[]): string[] {
    return names.filter((name) => CATALOG.assetByName(name)?.into === undefined);
  }

  function render(...args: readonly string[]): Promise<{ code: number; records: RenderRecord[] }> {
    const command = [
      MAIN,
      'render',
      `--kubeconfig=${cluster.controlPlane.kubeconfigPath}`,
      '--output=json',
      `--operator-namespace=${NAMESPACE}`,
      ...args,
    ];
    return new Promise((resolve, reject) => {
      execFile(process.execPath, command, { timeout: 100_000, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
        if (stdout === '') reject(new Error(stderr));
        else resolve({ code: typeof error?.code === 'number' ? error.code : 0, records: JSON.parse(stdout) as RenderRecord[] });
      });
    });
  }
});

function annotationsOf(options: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [`platform.kubevirt.io/${name}`, value]));
}

/** Paths and objects of those that today's API servers still take. */
function tombstones(): [string, KubernetesObject][] {
  const specs: Readonly<Record<string, object>> = {
    Service: { ports: [{ port: 8080 }] },
    ServiceMonitor: { endpoints: [], selector: {} },
    PrometheusRule: { groups: [] },
  };
  return CATALOG.tombstones
    .filter(({ kind }) => kind in specs)
    .map(({ apiVersion, kind, name, namespace }) => {
      const labels = { 'platform.kubevirt.io/managed-by': 'virt-platform-autopilot' };
      const metadata = { name, labels, ...(namespace === undefined ? {} : { namespace: NAMESPACE }) };
      const object = { apiVersion, kind, metadata, spec: specs[kind] };
      return [pathOf(object as unknown as JsonMap), object];
    });
}

/** Three workers and a master that takes work, with devices. */
function nodes(): TestObject[] {
  const roles = [['worker'], ['worker'], ['worker'], ['master', 'worker']];
  const devices = {
    'feature.node.kubernetes.io/pci-0300_10de.present': 'true',
    'feature.node.kubernetes.io/usb-ff_0951_1666.present': 'true',
    'feature.node.kubernetes.io/memory-numa': 'true',
  };
  return roles.map((own, index) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: `node-${index}`,
      labels: { ...devices, ...Object.fromEntries(own.map((role) => [`node-role.kubernetes.io/${role}`, ''])) },
    },
  }));
}

function infrastructure(): KubernetesObject {
  return { apiVersion: 'config.openshift.io/v1', kind: 'Infrastructure', metadata: { name: 'cluster' } };
}
