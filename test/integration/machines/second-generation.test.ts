import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { conditionText, machineRef, type TestMachine, type TestVm, vmOf } from '../../harness/machines-fixture';
import { poll } from '../../harness/poll';
import { RemoteKubeVirt } from '../../harness/remote-kubevirt';
import { ROOT, StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';

const GROUP = 'vitistack.io';
const VERSION = 'v1alpha1';
const API = `/apis/${GROUP}/${VERSION}`;

type Crd = TestObject & { spec: { scope: string } };

/** CRDs of a platform that the module reads and does not install. */
function platformCrd(kind: string, plural: string, scope: 'Cluster' | 'Namespaced'): TestObject {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: VERSION, served: true, storage: true, schema }],
    },
  };
}

describe('the second generation of the API', () => {
  let supervisor: StewardCluster;
  let remote: RemoteKubeVirt;
  let manager: ManagerProcess;

  const until = (name: string, what: string, isIt: (machine: TestMachine) => boolean): Promise<TestMachine> => {
    let last: TestMachine | undefined;
    return poll(
      `Machine ${name} ${what}`,
      async () => {
        last = await supervisor.api.get<TestMachine>(machineRef(name));
        return last !== undefined && isIt(last) ? last : undefined;
      },
      { intervalMs: 100, onTimeout: () => `${JSON.stringify(last)}\n${manager.process.log.slice(-5_000)}` },
    );
  };
  const put = (path: string, body: TestObject): Promise<unknown> =>
    supervisor.api.ask({
      method: 'PATCH',
      path: `${path}?fieldManager=test&force=true`,
      body,
      contentType: 'application/apply-patch+yaml',
    });

  before(async () => {
    [supervisor, remote] = await Promise.all([
      StewardCluster.start({ modules: 'machines', kubevirt: false, rbacFlags: ['--machines-secret-namespaces=vault'] }),
      RemoteKubeVirt.start({ controllerManager: true }),
    ]);
    await remote.api.apply({
      ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', provisioner: 'none.example.com' },
      metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    });
    const ours = parse(readFileSync(join(ROOT, 'crds', 'vitistack.io_kubevirtconfigs.yaml'), 'utf8')) as Crd;
    await supervisor.api.delete(ours);
    await poll('our CRD to be gone', async () => (await supervisor.api.get(ours)) === undefined);
    const crds = [
      { ...ours, spec: { ...ours.spec, scope: 'Cluster' } },
      platformCrd('MachineClass', 'machineclasses', 'Cluster'),
      platformCrd('NetworkNamespace', 'networknamespaces', 'Namespaced'),
    ];
    for (const crd of crds) await supervisor.api.apply(crd);
    for (const crd of crds) await supervisor.api.waitForCondition(crd, 'Established');
    await supervisor.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } });
    manager = await startManager(supervisor, { env: { MACHINES_SECRET_NAMESPACES: 'vault' } });
  });

  after(async () => {
    await manager?.process.stop();
    await Promise.all([supervisor?.stop(), remote?.stop()]);
  });

  it('takes cluster-scoped KubevirtConfigs, with their Secret where they say', async () => {
    const apiVersion = `${GROUP}/${VERSION}`;
    await supervisor.api.apply({
      ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'east', namespace: 'vault' } },
      data: { kubeconfig: Buffer.from(await remote.kubeconfig()).toString('base64') },
    });
    const path = `${API}/kubevirtconfigs/east`;
    await put(path, {
      ...{ apiVersion, kind: 'KubevirtConfig', metadata: { name: 'east' } },
      spec: { name: 'east', kubeconfigSecretRef: 'east', secretNamespace: 'vault' },
    });
    await poll(
      'KubevirtConfig east to be Ready',
      async () => {
        const { status } = await supervisor.api.ask<{ status?: { phase?: string } }>({ path });
        return status?.phase === 'Ready';
      },
      { onTimeout: () => manager.process.log.slice(-4_000) },
    );
    expect((await manager.health('/readyz?verbose')).text).to.contain('profile second');
  });

  it('takes size and network of a Machine from MachineClass and NetworkNamespace', async () => {
    const apiVersion = `${GROUP}/${VERSION}`;
    await put(`${API}/machineclasses/big`, {
      ...{ apiVersion, kind: 'MachineClass', metadata: { name: 'big' } },
      spec: { enabled: true, cpu: { cores: 3, sockets: 2 }, memory: { quantity: '3Gi' } },
    });
    await put(`${API}/namespaces/team-a/networknamespaces/net`, {
      ...{ apiVersion, kind: 'NetworkNamespace', metadata: { name: 'net', namespace: 'team-a' } },
      status: { vlanId: 42 },
    });
    const { metadata, ...machine } = machineRef('web');
    await supervisor.api.apply({ ...machine, metadata, spec: { machineClass: 'big', network: { networkNamespaceName: 'net' } } });
    const running = await until('web', 'to be Running', ({ status }) => status?.phase === 'Running');

    expect(conditionText(running, 'Placed')).to.equal('True Single');
    expect(running.metadata.annotations).to.include({ 'vitistack.io/kubevirt-config': 'east' });
    const vm = (await remote.api.get<TestVm>(vmOf('web'))) as unknown as {
      spec: { template: { spec: { domain: { cpu: object; memory: object }; networks: { multus?: object }[] } } };
    };
    const { domain, networks } = vm.spec.template.spec;
    expect(domain.cpu).to.include({ cores: 3, sockets: 2 });
    expect(domain.memory).to.deep.equal({ guest: '3Gi' });
    expect(JSON.stringify(networks)).to.contain('vlan42');
  });

  it('fails a Machine whose class is not enabled, and follows the class', async () => {
    const apiVersion = `${GROUP}/${VERSION}`;
    const put2 = (enabled: boolean): Promise<unknown> =>
      put(`${API}/machineclasses/off`, {
        ...{ apiVersion, kind: 'MachineClass', metadata: { name: 'off' } },
        spec: { enabled, cpu: { cores: 1 }, memory: { quantity: '1Gi' } },
      });
    await put2(false);
    const { metadata, ...machine } = machineRef('db');
    await supervisor.api.apply({ ...machine, metadata, spec: { machineClass: 'off' } });
    const failed = await until('db', 'to be Failed', ({ status }) => status?.failureReason === "Failed to get MachineClass 'off'");
    expect(failed.status).to.include({ phase: 'Failed', failureMessage: "MachineClass 'off' is not enabled" });

    await put2(true);
    await until('db', 'to be Running', ({ status }) => status?.phase === 'Running');
  });
});
