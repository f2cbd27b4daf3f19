import { credentials } from '@grpc/grpc-js';
import { expect } from 'chai';
import { type AgentProblem, problemFieldManager } from '../../../src/wol/deployment/agent-problem';
import { WolClient } from '../../../src/wol/protocol/wol-client';
import { PATIENCE_MS, poll } from '../../harness/poll';
import { NAMESPACE, type TestObject } from '../../harness/steward-cluster';
import { aWolConfig } from '../../harness/virtual-machines';
import { conditionOf, eventsAbout, untilCondition, untilEvent, untilStatus, wolConfig, wolConfigRef } from '../../harness/wol-objects';
import { DeploymentBench } from './agent-deployment-bench';

type Pod = TestObject & { readonly metadata: { readonly labels: Record<string, string> }; readonly spec: { readonly nodeName?: string } };

/** Longer ago than a pod needs to show in its readiness that it has lost a port. */
const LONG_AGO = '2026-01-01T00:00:00Z';

/**
 * Nodes are objects here, without a kubelet: the real DaemonSet controller makes pods for them and counts, and the test says in the
 * kubelet's stead that a pod is ready.
 */
describe('what a WolConfig says about its agents', () => {
  let bench: DeploymentBench;

  before(async function () {
    this.timeout(0);
    bench = await DeploymentBench.start();
    await bench.cluster.api.apply({
      ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'virt-steward-wol-agent', namespace: NAMESPACE } },
    });
    await bench.cluster.api.apply(aWolConfig('lab'));
  });

  after(() => bench?.stop());

  const aNode = (name: string): TestObject => ({
    ...{ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/os': 'linux' } } },
  });
  const pods = async (config: string): Promise<Pod[]> => {
    const all = await bench.cluster.api.list<Pod>(`/api/v1/namespaces/${NAMESPACE}/pods`);
    return all.filter(({ metadata }) => metadata.labels['wol.pillon.org/wolconfig'] === config && !('deletionTimestamp' in metadata));
  };
  const setReady = async (pod: Pod, ready: boolean): Promise<void> => {
    const path = `/api/v1/namespaces/${NAMESPACE}/pods/${pod.metadata.name}/status`;
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: new Date().toISOString() }];
    await bench.cluster.api.ask({
      method: 'PATCH',
      path,
      contentType: 'application/strategic-merge-patch+json',
      body: { status: { phase: 'Running', conditions } },
    });
  };
  const report = (problems: readonly (AgentProblem & { since: string })[], node: string): Promise<unknown> =>
    bench.cluster.api.ask({
      method: 'PATCH',
      path: `/apis/wol.pillon.org/v1beta1/wolconfigs/lab/status?fieldManager=${problemFieldManager(node)}`,
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name: 'lab' }, status: { agentProblems: problems } },
    });

  it('is NoNodes on a cluster without nodes, and names DaemonSet and health port', async () => {
    await untilCondition(bench.cluster.api, 'lab', 'AgentReady', 'False', 'NoNodes');

    const { agentStatus } = (await wolConfig(bench.cluster.api, 'lab'))!.status!;
    expect(agentStatus).to.deep.equal({
      ...{ daemonSetName: 'wol-agent-lab', healthPort: 8_080 },
      ...{ desiredNumberScheduled: 0, numberReady: 0, numberAvailable: 0, updatedNumberScheduled: 0 },
    });
  });

  it('counts ready agents as nodes come and agents get ready', async () => {
    await bench.cluster.api.apply(aNode('node-1'));
    await bench.cluster.api.apply(aNode('node-2'));
    await untilCondition(bench.cluster.api, 'lab', 'AgentReady', 'False', 'NotReady');
    const [first, second] = await poll('a pod a node', async () => {
      const found = await pods('lab');
      return found.length === 2 ? found : undefined;
    });

    await setReady(first!, true);
    await untilStatus(bench.cluster.api, 'lab', 'to count one', ({ agentStatus }) => agentStatus?.numberReady === 1);
    const waiting = await untilCondition(bench.cluster.api, 'lab', 'AgentReady', 'False', 'NotReady');
    expect(waiting.message).to.equal('1 of 2 agents are ready');
    expect(conditionOf(await wolConfig(bench.cluster.api, 'lab'), 'Ready')?.reason, 'Ready is another matter').to.equal('KubeVirtMissing');

    await setReady(second!, true);
    const ready = await untilCondition(bench.cluster.api, 'lab', 'AgentReady', 'True', 'AllReady');
    expect(ready.message).to.equal('2 of 2 agents are ready');
    expect(ready.observedGeneration).to.equal(1);
    const { status } = await untilStatus(
      bench.cluster.api,
      'lab',
      'to count all',
      ({ agentStatus }) => agentStatus?.numberAvailable === 2 && agentStatus.updatedNumberScheduled === 2,
    );
    expect(status?.agentStatus).to.include({ desiredNumberScheduled: 2, numberReady: 2 });
  });

  it('goes back when an agent is not ready any more, and recovers by itself', async () => {
    const [pod] = await pods('lab');
    await setReady(pod!, false);
    await untilCondition(bench.cluster.api, 'lab', 'AgentReady', 'False', 'NotReady');

    await setReady(pod!, true);

    await untilCondition(bench.cluster.api, 'lab', 'AgentReady', 'True', 'AllReady');
  });

  it('has PortConflict with node, port and error while an agent cannot open a port, tells it by an Event, and takes it back', async () => {
    const [pod] = await pods('lab');
    await setReady(pod!, false);
    await untilCondition(bench.cluster.api, 'lab', 'AgentReady', 'False', 'NotReady');

    await report([{ node: 'node-1', reason: 'BindFailed', ports: [9], message: 'EADDRINUSE', since: LONG_AGO }], 'node-1');

    const { message } = await untilCondition(bench.cluster.api, 'lab', 'PortConflict', 'True', 'BindFailed');
    expect(message).to.equal('port 9 on node node-1: EADDRINUSE');
    expect((await untilEvent(bench.cluster.api, 'WolConfig', 'lab', 'PortConflict')).note).to.contain(message);

    await report([], 'node-1');
    await untilCondition(bench.cluster.api, 'lab', 'PortConflict', 'False', 'NoConflict');
  });

  it('names the ServiceAccount of agents while it is missing, and counts again once it is there', async () => {
    const account = { ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'virt-steward-wol-agent', namespace: NAMESPACE } } };
    await bench.cluster.api.delete(account);

    const { message } = await untilCondition(bench.cluster.api, 'lab', 'AgentReady', 'False', 'ServiceAccountMissing');
    expect(message).to.contain('1 of 2 agents are ready: ServiceAccount virt-steward-wol-agent, which their pods run as, does not exist');

    await bench.cluster.api.apply(account);
    await untilCondition(bench.cluster.api, 'lab', 'AgentReady', 'False', 'NotReady');
  });

  it('forgets what an agent reported once every agent is ready, also when the agent that reported it is gone', async () => {
    await report([{ node: 'node-9', reason: 'BindFailed', ports: [9], message: 'EADDRINUSE', since: LONG_AGO }], 'node-9');
    await untilCondition(bench.cluster.api, 'lab', 'PortConflict', 'True', 'BindFailed');
    const unready = (await pods('lab')).at(0)!;

    await setReady(unready, true);

    await untilCondition(bench.cluster.api, 'lab', 'AgentReady', 'True', 'AllReady');
    await untilCondition(bench.cluster.api, 'lab', 'PortConflict', 'False', 'NoConflict');
    expect((await wolConfig(bench.cluster.api, 'lab'))!.status!.agentProblems ?? []).to.deep.equal([]);
  });

  it('lists what an agent reports by gRPC, and takes it back when the agent says it is solved', async () => {
    const client = new WolClient(`127.0.0.1:${bench.manager.grpcPort}`, credentials.createInsecure());
    const tell = (error: string): Promise<unknown> =>
      client.reportStatus(
        { nodeName: 'node-2', configName: 'lab', ports: [{ port: 9, ipv4: error === '', ipv6: true, error }] },
        PATIENCE_MS,
      ).response;
    try {
      await tell('bind EADDRINUSE 0.0.0.0:9');

      const { message } = await untilCondition(bench.cluster.api, 'lab', 'PortConflict', 'True', 'BindFailed');
      expect(message).to.equal('port 9 on node node-2: bind EADDRINUSE 0.0.0.0:9');
      const [problem] = (await wolConfig(bench.cluster.api, 'lab'))!.status!.agentProblems!;
      expect(problem).to.deep.include({ node: 'node-2', reason: 'BindFailed', ports: [9] });

      // A node is written about at most once in ten seconds; agents repeat themselves.
      await poll(
        'the report to be taken back',
        async () => {
          await tell('');
          return ((await wolConfig(bench.cluster.api, 'lab'))!.status!.agentProblems ?? []).length === 0;
        },
        { intervalMs: 500 },
      );
      await untilCondition(bench.cluster.api, 'lab', 'PortConflict', 'False', 'NoConflict');
    } finally {
      client.close();
    }
  });

  it('has PortConflict with the health port of an agent that cannot open it', async () => {
    const client = new WolClient(`127.0.0.1:${bench.manager.grpcPort}`, credentials.createInsecure());
    const tell = (healthError: string): Promise<unknown> =>
      client.reportStatus(
        { nodeName: 'node-3', configName: 'lab', ports: [{ port: 9, ipv4: true, ipv6: true, error: '' }], healthError },
        PATIENCE_MS,
      ).response;
    try {
      await tell('listen EADDRINUSE :::8080');

      const { message } = await untilCondition(bench.cluster.api, 'lab', 'PortConflict', 'True', 'BindFailed');
      expect(message).to.equal('health port 8080 on node node-3: listen EADDRINUSE :::8080');
      const [problem] = (await wolConfig(bench.cluster.api, 'lab'))!.status!.agentProblems!;
      expect(problem).to.deep.include({ node: 'node-3', reason: 'HealthPortBusy', ports: [8_080] });

      await poll(
        'the report to be taken back',
        async () => {
          await tell('');
          return ((await wolConfig(bench.cluster.api, 'lab'))!.status!.agentProblems ?? []).length === 0;
        },
        { intervalMs: 500 },
      );
    } finally {
      client.close();
    }
  });

  it('leaves lastWake and agentProblems to those who write them', async () => {
    // The manager takes back at once what an agent reports of frames that its config does not ask for.
    const asked = await bench.cluster.api.mergePatch<TestObject>(wolConfigRef('lab'), { spec: { agent: { rawEthernet: true } } });
    const { generation } = asked.metadata as { generation?: number };
    await untilStatus(bench.cluster.api, 'lab', 'to be about the frames', ({ observedGeneration }) => observedGeneration === generation);
    await report([{ node: 'node-1', reason: 'RawFailed', message: 'EPERM', since: LONG_AGO }], 'node-1');
    await bench.cluster.api.mergePatch(wolConfigRef('lab'), { spec: { wolPorts: [9, 7] } });

    const { status } = await untilStatus(bench.cluster.api, 'lab', 'to have the ports', ({ wolPorts }) => wolPorts?.length === 2);

    expect(status?.agentProblems).to.deep.equal([{ node: 'node-1', reason: 'RawFailed', message: 'EPERM', since: LONG_AGO }]);
    await bench.cluster.api.mergePatch(wolConfigRef('lab'), { spec: { agent: null, wolPorts: null } });
  });

  it('rolls agents to another image one node at a time, by the real controller', async () => {
    const image = 'registry.example.org/virt-steward/agent:1.2.0';
    const ready = async (): Promise<void> => {
      for (const pod of await pods('lab')) await setReady(pod, true).catch(() => undefined);
    };
    await bench.restart({ env: { AGENT_IMAGE: image } });

    await poll(
      'every pod to run the new image',
      async () => {
        await ready();
        const found = await pods('lab');
        const images = found.map(({ spec }) => (spec as { containers?: { image: string }[] }).containers?.[0]?.image);
        return found.length === 2 && images.every((one) => one === image);
      },
      { intervalMs: 200 },
    );
    await ready();

    // Before that, the config may still tell of the agents as they were.
    await bench.until('lab', 'to be rolled out', ({ metadata, status }) => {
      const { observedGeneration, desiredNumberScheduled, updatedNumberScheduled, numberReady, numberAvailable } = status ?? {};
      const numbers = [desiredNumberScheduled, updatedNumberScheduled, numberReady, numberAvailable];
      return observedGeneration === metadata.generation && numbers.every((number) => number === 2);
    });
    await untilStatus(bench.cluster.api, 'lab', 'to be updated', ({ agentStatus }) => agentStatus?.updatedNumberScheduled === 2);
    await untilCondition(bench.cluster.api, 'lab', 'AgentReady', 'True', 'AllReady');
  });

  it('is written no more while nothing changes, whatever makes the manager look', async () => {
    await untilStatus(bench.cluster.api, 'lab', 'to be at rest', ({ agentStatus }) => agentStatus?.numberAvailable === 2);
    const statusRuns = (): Promise<number> =>
      bench.metric('controller_runtime_reconcile_total', { controller: 'WolConfigHandler.reconcile' });
    const look = async (n: number): Promise<void> => {
      const [runs, statuses] = [await bench.runs(), await statusRuns()];
      const annotations = { 'wol.pillon.org/last-image-check': String(n) };
      await bench.cluster.api.mergePatch(wolConfigRef('lab'), { metadata: { annotations } });
      await poll('the manager to have looked', async () => (await bench.runs()) > runs && (await statusRuns()) > statuses);
    };
    let n = 0;
    await look(n);
    await poll('a look that writes nothing', async () => {
      const writes = await bench.writes();
      await look(++n);
      return (await bench.writes()) === writes;
    });
    const before = { writes: await bench.writes(), events: (await eventsAbout(bench.cluster.api, 'WolConfig', 'lab')).length };

    await look(++n);
    await look(++n);

    expect({ writes: await bench.writes(), events: (await eventsAbout(bench.cluster.api, 'WolConfig', 'lab')).length }).to.deep.equal(
      before,
    );
  });
});
