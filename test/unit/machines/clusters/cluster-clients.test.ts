import { expect } from 'chai';
import { Secret } from '../../../../src/framework';
import { status, TestCertificateAuthority } from '../../../../src/framework/testing';
import { KubevirtConfig } from '../../../../src/machines';
import { aMachine } from '../builders';
import { aClustersWorld, crdText } from './clusters-world';

const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no failure',
    (error: Error) => error.message,
  );

describe('clients of remote clusters', () => {
  it('are not built, with the texts of the older operator, from what is missing or may not be used', async () => {
    await using world = await aClustersWorld();
    const clients = world.clients();
    expect(await failure(clients.getClientForConfig('east'))).to.equal('KubevirtConfig east not found in namespace default');

    world.config('east', 'default');
    await world.operator.settle();
    expect(await failure(clients.getRestConfigForConfig('east'))).to.match(
      /^failed to get kubeconfig secret east-kubeconfig: GET \/api\/v1\/namespaces\/default\/secrets\/east-kubeconfig: 404 NotFound: /,
    );

    world.supervisor.objects.create(Secret, { metadata: { namespace: 'default', name: 'east-kubeconfig' }, data: { other: 'eA==' } });
    await world.operator.settle();
    expect(await failure(clients.getRestConfigForConfig('east'))).to.equal("secret east-kubeconfig does not contain 'kubeconfig' key");

    world.supervisor.faults.add({ on: { verb: 'get', kind: KubevirtConfig }, do: status(500), times: 100 });
    expect(await failure(clients.getRestConfigForConfig('east'))).to.match(/^failed to get KubevirtConfig: GET .* 500 /);
    world.supervisor.faults.clear();
    world.supervisor.faults.add({ on: { verb: 'list', kind: KubevirtConfig }, do: status(403) });
    expect(await failure(clients.listKubevirtConfigs())).to.match(/^failed to list KubevirtConfigs: GET .* 403 /);
  });

  it('are those of the engaged cluster on the leader, and validate it by its namespace kube-system', async () => {
    await using world = await aClustersWorld();
    world.secret('default', 'east-kubeconfig');
    world.config('east', 'default');
    await world.operator.advance(2_000);
    const clients = world.clients();

    expect((await clients.getClientForConfig('east')).cluster).to.equal('east');
    await clients.validateConnection('east');
    expect(await clients.healthCheck()).to.deep.equal(new Map());
    expect((await clients.listKubevirtConfigs()).map(({ metadata }) => metadata?.name)).to.deep.equal(['east']);
    expect((await clients.getRestConfigForConfig('east')).server).to.equal(world.remote.url);
    expect(clients.getConfigNamespace()).to.equal('default');
    expect(clients.getSupervisorClient().cluster).to.equal('local');

    world.remote.faults.add({ on: { verb: 'get', kind: 'namespaces' }, do: status(403), times: 100 });
    const sick = await clients.healthCheck();
    expect(sick.get('east')?.message).to.match(/^failed to validate connection to cluster: GET .* 403 /);
  });

  it('are built once for callers at the same time on a standby, which follows no remote cluster, and anew after the Secret changed', async () => {
    await using world = await aClustersWorld({ election: 'standby' });
    world.secret('default', 'east-kubeconfig');
    world.config('east', 'default');
    await world.operator.advance(2_000);
    const clients = world.clients();
    const reads = (): number => world.supervisor.journal.count({ verb: 'get', resource: 'kubevirtconfigs' });
    expect(world.remote.journal.total).to.equal(0);

    const before = reads();
    const [a, b] = await Promise.all([clients.getClientForConfig('east'), clients.getClientForConfig('east')]);
    expect(a).to.equal(b);
    expect(reads() - before).to.equal(1);
    expect(await clients.getClientForConfig('east')).to.equal(a);

    const other = Buffer.from(world.remote.kubeconfig('another-token')).toString('base64');
    world.supervisor.objects.update(Secret, 'default/east-kubeconfig', (secret) => {
      secret.data = { kubeconfig: other };
    });
    await world.operator.settle();
    const renewed = await clients.getClientForConfig('east');
    expect(renewed).to.not.equal(a);
    clients.invalidateAll();
    expect(await clients.getClientForConfig('east')).to.not.equal(renewed);
  });
});

describe('the client of a Machine', () => {
  it('is that of the cluster it belongs to, by the rules of placement, and nothing is written', async () => {
    await using world = await aClustersWorld();
    world.secret('default', 'east-kubeconfig');
    world.config('east', 'default');
    await world.operator.advance(2_000);
    const clients = world.clients();
    const before = world.operator.writes().length;

    const single = await clients.getOrCreateClientFromMachine(aMachine());
    expect(single).to.include({ configName: 'east', rule: 'Single', needsAnnotationUpdate: true });
    expect(single.client.cluster).to.equal('east');
    const named = await clients.getOrCreateClientFromMachine(aMachine({ annotations: { 'vitistack.io/kubevirt-config': ' east ' } }));
    expect(named).to.include({ configName: 'east', rule: 'Annotation', needsAnnotationUpdate: false });
    const lost = aMachine({ annotations: { 'vitistack.io/kubevirt-config': 'north' } });
    expect(await failure(clients.getOrCreateClientFromMachine(lost))).to.equal('KubevirtConfig north not found in namespace default');
    expect(world.operator.writes()).to.have.length(before);
  });

  it('is none where the config is being deleted, unless the Machine is placed there', async () => {
    await using world = await aClustersWorld();
    world.secret('default', 'east-kubeconfig');
    world.config('east', 'default');
    await world.operator.advance(2_000);
    world.supervisor.objects.update(KubevirtConfig, 'default/east', (config) => {
      config.metadata!.finalizers = ['example.org/hold'];
    });
    world.supervisor.objects.delete(KubevirtConfig, 'default/east');
    await world.operator.settle();
    const clients = world.clients();

    const annotated = aMachine({ annotations: { 'vitistack.io/kubevirt-config': 'east' } });
    expect(await failure(clients.getOrCreateClientFromMachine(annotated))).to.equal('KubevirtConfig east is being deleted');
    const placed = aMachine({ status: { kubevirtConfigRef: { name: 'east', namespace: 'default' } } });
    expect(await clients.getOrCreateClientFromMachine(placed)).to.include({ configName: 'east', rule: 'Recorded' });
  });
});

describe('remote clusters', () => {
  it('are followed by the leader only, and left by one that leads no more', async () => {
    await using world = await aClustersWorld({ election: 'standby' });
    world.secret('default', 'east-kubeconfig');
    world.config('east', 'default');
    await world.operator.advance(2_000);
    expect(world.remote.openSockets).to.equal(0);

    await world.operator.becomeLeader();
    await world.operator.advance(2_000);
    expect(world.supervisor.objects.get(KubevirtConfig, 'default/east')?.status?.phase).to.equal('Unreachable');
    expect(world.remote.openSockets).to.be.above(0);

    await world.operator.loseLeadership();
    await world.operator.advance(6_000);
    expect(world.remote.openWatches).to.equal(0);
  });

  it('are said to be followed at intervals where their Secret may not be watched, and change all the same', async () => {
    await using world = await aClustersWorld();
    world.supervisor.faults.add({ on: { verb: 'watch', kind: Secret }, do: status(403), times: 1_000_000 });
    world.secret('default', 'east-kubeconfig', 'nothing');
    world.config('east', 'default');
    await world.operator.advance(2_000);
    const word = (): string | undefined => world.supervisor.objects.get(KubevirtConfig, 'default/east')?.status?.status;
    expect(word()).to.equal('InvalidKubeconfig');
    expect(JSON.stringify(await world.operator.operator.health('readyz'))).to.contain('0 watched, read at intervals: east');

    const kubeconfig = Buffer.from(world.remote.kubeconfig('token')).toString('base64');
    world.supervisor.objects.update(Secret, 'default/east-kubeconfig', (secret) => {
      secret.data = { kubeconfig };
    });
    await world.operator.advance(65_000);
    expect(word()).to.equal('KubeVirtNotReady');
  });
});

describe('the status of a cluster', () => {
  it('tells errors of the server, refusals and certificates apart, and that it is over', async () => {
    await using world = await aClustersWorld({ env: { CLUSTER_CHECK_INTERVAL: '10s' } });
    world.secret('default', 'east-kubeconfig');
    world.config('east', 'default');
    await world.operator.advance(2_000);
    const now = (): string => {
      const { phase, status: word } = world.supervisor.objects.get(KubevirtConfig, 'default/east')?.status ?? {};
      return `${phase} ${word}`;
    };
    const usual = 'Unreachable KubeVirtNotReady';
    expect(now()).to.equal(usual);

    for (const [code, expected] of [
      [500, 'Unreachable ServerError'],
      [401, 'Invalid Unauthorized'],
    ] as const) {
      const fault = world.remote.faults.add({ on: {}, do: status(code), times: 1_000_000 });
      await world.operator.advance(60_000);
      expect(now()).to.equal(expected);
      fault.remove();
      await world.operator.advance(60_000);
      expect(now()).to.equal(usual);
    }

    const denied = world.remote.faults.add({ on: { kind: 'namespaces' }, do: status(403), times: 1_000_000 });
    await world.operator.advance(20_000);
    expect(now()).to.equal('Invalid Forbidden');
    denied.remove();
    await world.operator.advance(20_000);
    expect(now()).to.equal(usual);
  });

  it('is TLSError while the certificate is not that of the authority in the kubeconfig', async () => {
    await using world = await aClustersWorld();
    const { cert } = new TestCertificateAuthority();
    const kubeconfig = world.remote.kubeconfig('token');
    const ca = /certificate-authority-data"?: "?([A-Za-z0-9+/=]+)/.exec(kubeconfig)![1]!;
    world.secret('default', 'east-kubeconfig', kubeconfig.replace(ca, Buffer.from(cert).toString('base64')));
    world.config('east', 'default');
    await world.operator.advance(60_000);

    expect(world.supervisor.objects.get(KubevirtConfig, 'default/east')?.status).to.include({ phase: 'Unreachable', status: 'TLSError' });
  });
});

describe('the second generation of the API', () => {
  it('is found by its cluster-scoped KubevirtConfigs, whose Secrets are where they say', async () => {
    await using world = await aClustersWorld({ clusterScoped: true, env: { MACHINES_SECRET_NAMESPACES: 'vault' } });
    world.secret('vault', 'east-kubeconfig');
    world.config('east', undefined, { secretNamespace: 'vault' });
    world.config('west', undefined);
    await world.operator.advance(2_000);

    const of = (name: string): KubevirtConfig['status'] => world.supervisor.objects.get(KubevirtConfig, name)?.status;
    expect(of('east')).to.include({ phase: 'Unreachable', status: 'KubeVirtNotReady' });
    expect(of('west')).to.include({
      ...{ phase: 'Invalid', status: 'InvalidSpec', message: 'KubevirtConfig west has no secretNamespace' },
    });
    expect(world.clients().getConfigNamespace()).to.equal('');
    expect(await failure(world.clients().getClientForConfig('north'))).to.equal('KubevirtConfig north not found');
    const health = await world.operator.operator.health('readyz');
    expect(JSON.stringify(health)).to.contain('profile second');
  });
});

describe('the CRDs of the supervisor', () => {
  it('are waited for, said to be missing, and worked with as soon as they are there', async () => {
    await using world = await aClustersWorld({ crds: ['machines'] });
    const report = async (): Promise<string> => JSON.stringify(await world.operator.operator.health('readyz'));
    expect(await report()).to.contain(
      'missing required CRDs/resources: vitistack.io/v1alpha1 kubevirtconfigs, vitistack.io/v1alpha1 networkconfigurations',
    );

    for (const name of ['kubevirtconfigs', 'networkconfigurations']) world.supervisor.installCrd(crdText(name));
    await world.operator.advance(10_000);
    world.secret('default', 'east-kubeconfig');
    world.config('east', 'default');
    await world.operator.advance(5_000);

    expect(await report()).to.contain('profile first');
    expect(world.log.lines.map(({ message }) => message)).to.include(
      "⚠️ No KubevirtConfig resources found in namespace 'default'. Please create at least one KubevirtConfig.",
    );
    expect(world.supervisor.objects.get(KubevirtConfig, 'default/east')?.status?.phase).to.equal('Unreachable');
  });
});
