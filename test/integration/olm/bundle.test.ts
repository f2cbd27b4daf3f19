import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { annotation, deployments, readBundle, spec } from '../../../hack/olm/bundle';
import { at, listOf, mapOf, textOf, textsOf } from '../../../hack/olm/values';
import { AdminApi } from '../../harness/admin-api';
import { freeTcpPort } from '../../harness/free-port';
import { poll } from '../../harness/poll';
import { refusalOf } from '../../harness/server-dry-run';
import { MAIN, ROOT, type TestObject } from '../../harness/steward-cluster';

/** Not the suggested one: any must do. */
const NAMESPACE = 'chosen-by-olm';
const RBAC = 'rbac.authorization.k8s.io/v1';
const ACCOUNT = 'virt-steward-manager';
const bundle = readBundle(join(ROOT, 'olm-bundle'));

/** What OLM makes of the lists for an operator that serves all namespaces: both hold everywhere. */
function lifted(): TestObject[] {
  const entries = (['clusterPermissions', 'permissions'] as const).flatMap((key) => listOf(spec(bundle, 'install', 'spec', key)));
  return entries.flatMap((entry, index) => {
    const metadata = { name: `lifted-${index}` };
    const account = textOf(at(entry, 'serviceAccountName'));
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: metadata.name };
    return [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace: NAMESPACE } },
      { apiVersion: RBAC, kind: 'ClusterRole', metadata, rules: at(entry, 'rules') },
      {
        apiVersion: RBAC,
        kind: 'ClusterRoleBinding',
        metadata,
        roleRef,
        subjects: [{ kind: 'ServiceAccount', name: account, namespace: NAMESPACE }],
      },
    ];
  });
}

const NAMESPACED = new Set(['Service', 'Role', 'RoleBinding', 'PodDisruptionBudget']);

/** With the namespace of the installation, as OLM sets it; CRDs first. */
function manifests(): TestObject[] {
  const objects = bundle.manifests
    .map(({ object }) => object as unknown as TestObject)
    .filter(({ kind }) => kind !== 'ClusterServiceVersion');
  const placed = objects.map((object) =>
    NAMESPACED.has(object.kind) ? { ...object, metadata: { ...object.metadata, namespace: NAMESPACE } } : object,
  );
  return placed.sort((a, b) => Number(b.kind === 'CustomResourceDefinition') - Number(a.kind === 'CustomResourceDefinition'));
}

describe('the bundle for OLM, installed by hand on a real API server', () => {
  let controlPlane: ControlPlane;
  let api: AdminApi;
  let manager: ChildProcess | undefined;

  before(async function () {
    this.timeout(0);
    controlPlane = await startControlPlane({ controllerManager: false });
    api = new AdminApi(controlPlane);
    await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    for (const object of lifted()) await api.apply(object);
  });

  after(async () => {
    if (manager !== undefined && manager.exitCode === null) {
      manager.kill('SIGKILL');
      await once(manager, 'exit');
    }
    await controlPlane?.stop();
  });

  it('has manifests that are accepted without unknown fields, in any namespace', async () => {
    const refusals: string[] = [];
    for (const object of manifests()) {
      refusals.push(...(await refusalOf(controlPlane, object, NAMESPACE)));
      if (object.kind !== 'PodDisruptionBudget') await api.apply(object);
      if (object.kind === 'CustomResourceDefinition') await api.waitForCondition(object, 'Established');
    }

    expect(refusals).to.deep.equal([]);
    expect(manifests()).to.have.length.above(6);
  });

  it('has a Deployment that is accepted without unknown fields', async () => {
    const { name, label, spec: deployment } = mapOf(deployments(bundle)[0]);
    const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: textOf(name), labels: label }, spec: deployment };

    expect(await refusalOf(controlPlane, object as TestObject, NAMESPACE)).to.deep.equal([]);
  });

  it('has examples that the API server accepts, one of each kind, and refuses with a field that is unknown', async () => {
    const examples = JSON.parse(annotation(bundle, 'alm-examples')) as TestObject[];
    const suggested = JSON.parse(annotation(bundle, 'operatorframework.io/suggested-namespace-template')) as TestObject;

    // Some examples lie in it.
    await api.apply(suggested);
    for (const example of examples) expect(await refusalOf(controlPlane, example, NAMESPACE)).to.deep.equal([]);
    expect(examples.map(({ kind }) => kind).sort()).to.deep.equal(
      bundle.crds.map(({ object }) => at(object, 'spec', 'names', 'kind')).sort(),
    );
    for (const example of examples) {
      const wrong = { ...example, spec: { ...mapOf(example['spec']), noSuchField: true } };
      expect((await refusalOf(controlPlane, wrong, NAMESPACE)).join()).to.contain('noSuchField');
    }
  });

  it('grants the manager what it needs to run as its account: it leads, and takes a WolConfig into force', async () => {
    const token = controlPlane.writeFile('olm.kubeconfig', await controlPlane.serviceAccountKubeconfig(NAMESPACE, ACCOUNT));
    const container = listOf(at(deployments(bundle)[0], 'spec', 'template', 'spec', 'containers')).map(mapOf)[0] ?? {};
    const env = listOf(container['env'])
      .map(mapOf)
      .filter(({ value }) => value !== undefined);
    const ports = await Promise.all([freeTcpPort(), freeTcpPort(), freeTcpPort()]);
    const here = ['--grpc-bind-address', '--metrics-bind-address', '--health-probe-bind-address'];
    const args = textsOf(container['args']).filter((arg) => !here.includes(arg.split('=')[0]!));
    let output = '';

    const started = spawn(
      process.execPath,
      [MAIN, ...args, `--kubeconfig=${token}`, ...here.map((flag, index) => `${flag}=127.0.0.1:${ports[index]}`)],
      {
        env: {
          ...Object.fromEntries(env.map(({ name, value }) => [textOf(name), textOf(value)])),
          POD_NAMESPACE: NAMESPACE,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    manager = started;
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const config = { apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name: 'lab' }, spec: { discoveryMode: 'All' } };
    await api.apply(config);

    const daemonSet = { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'wol-agent-lab', namespace: NAMESPACE } };
    await poll(
      'agents to be deployed as the account of the bundle',
      async () => {
        if (started.exitCode !== null) throw new Error(`the manager ended: ${output}`);
        return (await api.get(daemonSet)) !== undefined;
      },
      { onTimeout: () => `the manager says\n${output}` },
    );
    const deployed = await api.get<TestObject>(daemonSet);
    const [agent] = listOf(at(deployed, 'spec', 'template', 'spec', 'containers')).map(mapOf);
    // Unlike its exit this comes after its last output.
    const closed = once(started, 'close') as Promise<[number]>;
    started.kill('SIGTERM');
    const [exitCode] = await closed;

    expect(textsOf(agent?.['args']).join(' ')).to.contain(`virt-steward-grpc.${NAMESPACE}.svc:9090`);
    expect(agent?.['image']).to.equal(
      listOf(spec(bundle, 'relatedImages'))
        .map(mapOf)
        .find(({ name }) => name === 'agent')?.['image'],
    );
    expect(output).not.to.match(/is forbidden|cannot (get|list|watch|create|update|patch) resource/);
    expect(exitCode).to.equal(0);
  });
});
