import { expect } from 'chai';
import { type RoleObject, untilRefused } from '../../harness/apply-rights';
import { poll } from '../../harness/poll';
import { MANAGER_USER, NAMESPACE, type TestObject } from '../../harness/steward-cluster';
import { startManager } from '../../harness/steward-processes';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { conditionOf, untilCondition, untilEvent, untilStatus, wolConfig, wolConfigRef } from '../../harness/wol-objects';
import { AGENT_IMAGE, containerOf, DeploymentBench, daemonSetRef, managersOf, variable } from './agent-deployment-bench';

const OTHER_IMAGE = 'images.example.net/team/agent:3';
const DAEMON_SETS = `/apis/apps/v1/namespaces/${NAMESPACE}/daemonsets`;
const SYSTEM_ROLE = {
  ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role' },
  metadata: { name: 'virt-steward-manager', namespace: NAMESPACE },
};

/** A DaemonSet that somebody else has made under the name of ours. */
function aStranger(name: string, metadata: object = {}): TestObject {
  const labels = { app: 'something-else' };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name, namespace: NAMESPACE, labels, ...metadata } },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'x', image: 'x' }] } } },
  };
}

/** As kubevirt-wol wrote them: root, NET_RAW, one health port for all. */
const anOlderOne = (config: string, uid: string | undefined): TestObject => {
  const labels = {
    ...{ app: 'wol-agent', 'app.kubernetes.io/name': 'wol-agent', 'app.kubernetes.io/component': 'agent' },
    ...{ 'app.kubernetes.io/part-of': 'kubevirt-wol', 'app.kubernetes.io/managed-by': 'kubevirt-wol-controller' },
    'wol.pillon.org/wolconfig': config,
  };
  const reference = {
    apiVersion: 'wol.pillon.org/v1beta1',
    kind: 'WolConfig',
    name: config,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  const container = {
    ...{ name: 'agent', image: 'registry.example.org/kubevirt-wol-agent:v1', args: ['--node-name=$(NODE_NAME)', '--old'] },
    env: [
      { name: 'NODE_NAME', value: 'wrong' },
      { name: 'STALE', value: 'yes' },
    ],
    securityContext: { runAsUser: 0, capabilities: { add: ['NET_RAW', 'NET_ADMIN'] } },
    livenessProbe: { httpGet: { path: '/healthz', port: 8080 } },
  };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'DaemonSet' },
    metadata: {
      ...{ name: `wol-agent-${config}`, namespace: NAMESPACE, labels },
      ...(uid === undefined ? {} : { ownerReferences: [reference] }),
    },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations: { 'older.example.org/hash': '1' } },
        spec: { hostPID: true, nodeSelector: { old: 'yes' }, containers: [container, { name: 'sidecar', image: 'x' }] },
      },
    },
  };
};

describe('agents that cannot be deployed as asked for', () => {
  let bench: DeploymentBench;
  let markers = 0;

  before(async function () {
    this.timeout(0);
    bench = await DeploymentBench.start({ kubevirt: true, flags: ['--allowed-agent-images=images.example.org/*'] });
    await bench.cluster.api.apply(aVm({ name: 'machine', mac: testMac(1) }));
  });

  after(() => bench?.stop());

  /** Everything that was asked for before has been looked at when a config that comes after it has its agents. */
  const untilLookedAt = async (): Promise<void> => {
    const name = `marker-${++markers}`;
    await bench.cluster.api.apply(aWolConfig(name));
    await untilCondition(bench.cluster.api, name, 'AgentReady', 'False', 'NoNodes');
  };

  const untilBoth = async (name: string, reason: string): Promise<string> => {
    await untilCondition(bench.cluster.api, name, 'AgentReady', 'False', reason);
    return (await untilCondition(bench.cluster.api, name, 'Ready', 'False', reason)).message;
  };

  it('leave the DaemonSet of somebody else alone, say so, and are deployed when it is gone', async () => {
    const stranger = await bench.cluster.api.apply(aStranger('wol-agent-taken'));
    await bench.cluster.api.apply(aWolConfig('taken'));

    const message = await untilBoth('taken', 'AgentConflict');

    expect(message).to.contain('DaemonSet wol-agent-taken is not of this config: it has no controller');
    expect((await untilEvent(bench.cluster.api, 'WolConfig', 'taken', 'AgentConflict')).type).to.equal('Warning');
    const found = (await bench.daemonSet('taken'))!;
    expect(found.metadata.generation).to.equal(stranger.metadata['generation']);
    expect(managersOf(found)).not.to.include('virt-steward');
    const { status } = await untilStatus(
      bench.cluster.api,
      'taken',
      'to count the machine all the same',
      ({ managedVMs }) => managedVMs === 1,
    );
    expect(status).not.to.have.property('agentStatus');

    await bench.cluster.api.delete(daemonSetRef('wol-agent-taken'));

    await untilCondition(bench.cluster.api, 'taken', 'Ready', 'True', 'MappingUpdated');
    await untilCondition(bench.cluster.api, 'taken', 'AgentReady', 'False', 'NoNodes');
    expect(containerOf((await bench.daemonSet('taken'))!)['image']).to.equal(AGENT_IMAGE);
  });

  it('wait for garbage collection of what an earlier config of the same name owned', async () => {
    const owner = { apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', name: 'heir', uid: 'earlier', controller: true };
    // The finalizer holds it up, as a slow collector would.
    await bench.cluster.api.apply(aStranger('wol-agent-heir', { ownerReferences: [owner], finalizers: ['example.org/hold'] }));
    await bench.cluster.api.apply(aWolConfig('heir'));

    await untilCondition(bench.cluster.api, 'heir', 'AgentReady', 'False', 'WaitingForGarbageCollection');
    expect(conditionOf(await wolConfig(bench.cluster.api, 'heir'), 'Ready')?.status).to.equal('True');
    await bench.cluster.api.delete(daemonSetRef('wol-agent-heir'));
    await bench.cluster.api.mergePatch(daemonSetRef('wol-agent-heir'), { metadata: { finalizers: null } });

    await untilCondition(bench.cluster.api, 'heir', 'AgentReady', 'False', 'NoNodes');
    const { uid } = (await wolConfig(bench.cluster.api, 'heir'))!.metadata!;
    expect((await bench.daemonSet('heir'))!.metadata.ownerReferences![0]!.uid).to.equal(uid);
  });

  describe('because of their image', () => {
    it('are not deployed while it is not allowed, and are once it is', async () => {
      await bench.cluster.api.apply(aWolConfig('picky', { agent: { image: OTHER_IMAGE } }));

      expect(await untilBoth('picky', 'ImageNotAllowed')).to.contain(OTHER_IMAGE);
      await untilEvent(bench.cluster.api, 'WolConfig', 'picky', 'ImageNotAllowed');
      expect(await bench.daemonSet('picky')).to.equal(undefined);
      await untilStatus(bench.cluster.api, 'picky', 'to count the machine all the same', ({ managedVMs }) => managedVMs === 1);

      const image = 'images.example.org/team/agent:3';
      await bench.cluster.api.mergePatch(wolConfigRef('picky'), { spec: { agent: { image } } });

      await untilCondition(bench.cluster.api, 'picky', 'Ready', 'True', 'MappingUpdated');
      expect(containerOf(await bench.until('picky', 'to exist'))['image']).to.equal(image);
    });

    it('stay as they are when the config asks for one that is not allowed', async () => {
      const { metadata } = (await bench.daemonSet('picky'))!;
      await bench.cluster.api.mergePatch(wolConfigRef('picky'), { spec: { wolPorts: [7], agent: { image: OTHER_IMAGE } } });

      await untilBoth('picky', 'ImageNotAllowed');

      expect((await bench.daemonSet('picky'))!.metadata.generation).to.equal(metadata.generation);
      // The DaemonSet comes to the manager by a watch of its own.
      await untilStatus(
        bench.cluster.api,
        'picky',
        'to name its DaemonSet',
        ({ agentStatus }) => agentStatus?.daemonSetName === 'wol-agent-picky',
      );
    });
  });

  it('stay as they are while their config is invalid', async () => {
    await bench.cluster.api.apply(aWolConfig('doubtful'));
    await untilCondition(bench.cluster.api, 'doubtful', 'AgentReady', 'False', 'NoNodes');
    const { metadata } = (await bench.daemonSet('doubtful'))!;

    await bench.cluster.api.mergePatch(wolConfigRef('doubtful'), { spec: { wolPorts: [7], discoveryMode: 'Explicit' } });

    await untilCondition(bench.cluster.api, 'doubtful', 'Ready', 'False', 'InvalidConfig');
    // That is the word of another handler than the one that deploys.
    await untilLookedAt();
    await untilCondition(bench.cluster.api, 'doubtful', 'AgentReady', 'False', 'NoNodes');
    expect((await bench.daemonSet('doubtful'))!.metadata.generation).to.equal(metadata.generation);
  });

  it('are missing for a config that was never valid', async () => {
    await bench.cluster.api.apply(aWolConfig('hopeless', { discoveryMode: 'Explicit' }));

    await untilCondition(bench.cluster.api, 'hopeless', 'AgentReady', 'False', 'DaemonSetMissing');
    await untilLookedAt();
    expect(await bench.daemonSet('hopeless')).to.equal(undefined);
  });

  describe('because the API server refuses', () => {
    it('are AgentFailed with its words, while the config wakes machines, and are deployed after a better spec', async () => {
      await bench.cluster.api.apply(aWolConfig('refused', { agent: { tolerations: [{ key: 'a', operator: 'Perhaps' }] } }));

      const { message } = await untilCondition(bench.cluster.api, 'refused', 'Ready', 'False', 'AgentFailed');

      expect(message).to.contain('tolerations[0].operator');
      await untilCondition(bench.cluster.api, 'refused', 'AgentReady', 'False', 'DaemonSetMissing');
      await untilEvent(bench.cluster.api, 'WolConfig', 'refused', 'AgentFailed');
      const { status, metadata } = await untilStatus(bench.cluster.api, 'refused', 'to count', ({ managedVMs }) => managedVMs === 1);
      expect(status?.observedGeneration).to.equal(metadata?.generation);

      await bench.cluster.api.mergePatch(wolConfigRef('refused'), { spec: { agent: null } });

      await untilCondition(bench.cluster.api, 'refused', 'Ready', 'True', 'MappingUpdated');
      await bench.until('refused', 'to exist');
    });

    it('are AgentFailed without the right, and are deployed by themselves once it is there', async () => {
      const role = (await bench.cluster.api.get<RoleObject>(SYSTEM_ROLE))!;
      const before = role.rules!;
      const rules = before.map((rule) => (rule.resources.includes('daemonsets') ? { ...rule, verbs: ['get', 'list', 'watch'] } : rule));
      const lost = { apiGroups: ['apps'], resources: ['daemonsets'], verbs: ['patch'] };
      bench.cluster.expectDenial('patch daemonsets.apps');
      await bench.cluster.api.mergePatch(role, { rules });
      await untilRefused(bench.cluster.api, lost, MANAGER_USER, NAMESPACE);
      await bench.cluster.api.apply(aWolConfig('powerless'));

      const { message } = await untilCondition(bench.cluster.api, 'powerless', 'Ready', 'False', 'AgentFailed');
      expect(message).to.match(/forbidden/i);
      await bench.cluster.api.mergePatch(SYSTEM_ROLE, { rules: before });

      await untilCondition(bench.cluster.api, 'powerless', 'Ready', 'True', 'MappingUpdated');
    });
  });

  describe('because of one another', () => {
    it('get health ports of their own, and share a UDP port without harm', async () => {
      await bench.cluster.api.apply(aWolConfig('twin-a', { wolPorts: [41_000, 41_001] }));
      await bench.cluster.api.apply(aWolConfig('twin-b', { wolPorts: [41_001] }));

      const a = await untilCondition(bench.cluster.api, 'twin-a', 'PortConflict', 'False', 'PortShared');
      const b = await untilCondition(bench.cluster.api, 'twin-b', 'PortConflict', 'False', 'PortShared');

      expect([a.message, b.message]).to.deep.equal(['shared with twin-b (41001)', 'shared with twin-a (41001)']);
      // Two configs of one second may be decided on at the same time; then one of them moves.
      await poll('each to have a port of its own, and to say so', async () => {
        const ports = await Promise.all(
          ['twin-a', 'twin-b'].map(async (name) => {
            const [daemonSet, config] = [await bench.daemonSet(name), await wolConfig(bench.cluster.api, name)];
            const bound = daemonSet === undefined ? undefined : variable(daemonSet, 'HEALTH_PROBE_BIND_ADDRESS');
            return bound === `:${config?.status?.agentStatus?.healthPort}` ? bound : undefined;
          }),
        );
        return !ports.includes(undefined) && new Set(ports).size === 2;
      });

      await bench.cluster.api.delete(wolConfigRef('twin-b'));

      await untilCondition(bench.cluster.api, 'twin-a', 'PortConflict', 'False', 'NoConflict');
    });

    it('move their health port when an older config asks for it', async () => {
      await bench.cluster.api.apply(aWolConfig('elder', { wolPorts: [42_000] }));
      await bench.until('elder', 'to exist');
      const created = String((await wolConfig(bench.cluster.api, 'elder'))!.metadata!.creationTimestamp);
      await poll('the second of its creation to be over', () => Date.now() >= Date.parse(created) + 1_000);
      await bench.cluster.api.apply(aWolConfig('junior', { wolPorts: [42_001] }));
      const port = variable(await bench.until('junior', 'to exist'), 'HEALTH_PROBE_BIND_ADDRESS')!;

      await bench.cluster.api.mergePatch(wolConfigRef('elder'), { spec: { agent: { healthPort: Number(port.slice(1)) } } });

      await bench.until('elder', 'to have it', (found) => variable(found, 'HEALTH_PROBE_BIND_ADDRESS') === port);
      await bench.until('junior', 'to have another one', (found) => variable(found, 'HEALTH_PROBE_BIND_ADDRESS') !== port);
    });
  });

  describe('because an older operator has deployed them', () => {
    for (const [what, name, isOwned] of [['with its owner', 'moved', true] as const, ['without an owner', 'lost', false] as const]) {
      it(`are taken over ${what}: nothing of the old pod survives, and the DaemonSet is the same object`, async () => {
        await bench.manager.process.stop();
        const config = (await bench.cluster.api.apply(aWolConfig(name, { wolPorts: [43_000] }))) as TestObject;
        const body = anOlderOne(name, isOwned ? String(config.metadata['uid']) : undefined);
        const before = await bench.cluster.api.ask<TestObject>({ method: 'POST', path: `${DAEMON_SETS}?fieldManager=manager`, body });
        await bench.cluster.api.mergePatch(daemonSetRef(`wol-agent-${name}`), { metadata: { labels: { team: 'lab' } } });

        await bench.restart({ flags: ['--allowed-agent-images=images.example.org/*'] });

        const taken = await bench.until(name, 'to be taken over', ({ metadata }) => 'wol.pillon.org/health-port' in metadata.annotations!);
        await untilEvent(bench.cluster.api, 'WolConfig', name, 'AgentAdopted');
        expect(taken.metadata.uid).to.equal(before.metadata['uid']);
        expect(taken.metadata.labels, 'labels of others stay').to.include({ team: 'lab' });
        expect(taken.metadata.ownerReferences).to.have.length(1);
        const { containers, hostPID, nodeSelector } = taken.spec.template.spec;
        expect({ hostPID, nodeSelector, count: containers.length }).to.deep.equal({
          hostPID: undefined,
          nodeSelector: undefined,
          count: 1,
        });
        expect(taken.spec.template.metadata.annotations).to.equal(undefined);
        expect(variable(taken, 'STALE')).to.equal(undefined);
        expect(containerOf(taken)['securityContext']).to.deep.equal({
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true },
          capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
        });
        expect(managersOf(taken), 'the older operator owns nothing any more').not.to.include('manager');
      });
    }
  });
});

describe('agents and several replicas', () => {
  it('are deployed by the leader alone', async () => {
    const bench = await DeploymentBench.start({ flags: ['--leader-elect'] });
    const leader = bench.manager;
    try {
      await bench.cluster.api.apply(aWolConfig('first'));
      await bench.until('first', 'to exist');
      bench.manager = await startManager(bench.cluster, { flags: ['--leader-elect'], env: { AGENT_IMAGE: 'standby.example.org/agent:1' } });
      const standby = bench.manager;

      await bench.cluster.api.mergePatch(daemonSetRef('wol-agent-first'), { metadata: { labels: { app: 'edited' } } });
      const repaired = await bench.until('first', 'to be repaired', ({ metadata }) => metadata.labels!['app'] === 'wol-agent');

      expect(containerOf(repaired)['image']).to.equal(AGENT_IMAGE);
      expect(await bench.metric('steward_api_writes_total', { kind: 'daemonsets.apps' }), 'writes of the standby').to.equal(0);
      await leader.process.stop();
      await bench.until('first', 'to be as the new leader wants it', (found) => String(containerOf(found)['image']).startsWith('standby.'));
      await standby.process.stop();
    } finally {
      await leader.process.stop();
      await bench.stop();
    }
  });
});

describe('agents on an API server that guards owner references, as that of OpenShift does', () => {
  let bench: DeploymentBench;

  before(async function () {
    this.timeout(0);
    bench = await DeploymentBench.start({ kubevirt: true, guardedOwners: true });
  });

  after(() => bench?.stop());

  /** An older operator's DaemonSet that was there before its config. */
  const withOlder = async (name: string, isOwned: boolean): Promise<void> => {
    await bench.manager.process.stop();
    const config = (await bench.cluster.api.apply(aWolConfig(name))) as TestObject;
    await bench.cluster.api.apply(anOlderOne(name, isOwned ? String(config.metadata['uid']) : undefined));
    await bench.restart();
  };

  it('are deployed and repaired with the rights that the manager has', async () => {
    await bench.cluster.api.apply(aWolConfig('plain'));
    await bench.until('plain', 'to exist');

    await bench.cluster.api.mergePatch(daemonSetRef('wol-agent-plain'), { metadata: { labels: { app: 'edited' } } });

    await bench.until('plain', 'to be repaired', ({ metadata }) => metadata.labels!['app'] === 'wol-agent');
  });

  it('are taken over from an older operator that had set the owner', async () => {
    await withOlder('moved', true);

    const taken = await bench.until('moved', 'to be taken over', ({ metadata }) => 'wol.pillon.org/health-port' in metadata.annotations!);

    expect(taken.spec.template.spec.containers).to.have.length(1);
  });

  it('are AgentFailed, in the words of the server, where an owner would have to be set on a DaemonSet that has none', async () => {
    bench.cluster.expectDenial('patch daemonsets.apps');
    await withOlder('lost', false);

    const { message } = await untilCondition(bench.cluster.api, 'lost', 'Ready', 'False', 'AgentFailed');
    expect(message).to.contain("cannot set an ownerRef on a resource you can't delete");

    await bench.cluster.api.delete(daemonSetRef('wol-agent-lost'));
    await untilCondition(bench.cluster.api, 'lost', 'Ready', 'True', 'MappingUpdated');
  });
});
