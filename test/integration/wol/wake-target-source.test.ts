import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { createContainer, createOperator, nullLogger, Settings, type StewardOperator } from '../../../src/framework';
import type { CallOutcome } from '../../../src/kubevirt/call-outcome';
import { WAKE_TARGET_SOURCE } from '../../../src/kubevirt/wake-target';
import { provideWol, WOL_FLAGS, WOL_VARIABLES, wolHandlersFor, wolSettings } from '../../../src/wol';
import { freeTcpPort } from '../../harness/free-port';
import { poll } from '../../harness/poll';
import { RemoteMachines } from '../../harness/remote-machines';
import { expectStarted, ReportingAgent } from '../../harness/reporting-agent';
import { NAMESPACE, StewardCluster } from '../../harness/steward-cluster';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { untilCondition, untilEvent, untilStatus, wolConfigRef } from '../../harness/wol-objects';

const WEST = testMac(1);
const DOWN = testMac(2);
const LOCAL = testMac(3);
/** Longer than a busy cluster takes for a start, and short enough to be waited for. */
const START_TIMEOUT = '8s';
/** What is sent again is a duplicate however slow a machine is. */
const DEDUP_WINDOW = '10m';

describe('wake targets of another module', () => {
  let cluster: StewardCluster;
  let operator: StewardOperator;
  let reporter: ReportingAgent;
  const machines = new RemoteMachines();

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol', kubevirt: false });
    await cluster.api.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'west', namespace: 'default' } });
    await cluster.api.apply(aWolConfig('all'));
    machines.isReady = false;
    const port = await freeTcpPort();
    const flags = {
      ...{ grpcInsecure: 'true', grpcBindAddress: `127.0.0.1:${port}` },
      ...{ wolStartTimeout: START_TIMEOUT, wolDedupWindow: DEDUP_WINDOW },
    };
    const container = createContainer();
    const settings = wolSettings(new Settings([...WOL_FLAGS, ...WOL_VARIABLES], flags, {}), NAMESPACE, '0.0.0');
    provideWol(container, settings);
    container.registerInstance(WAKE_TARGET_SOURCE, machines);
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(cluster.managerKubeconfig);
    operator = await createOperator({
      ...{
        name: 'virt-steward',
        namespace: NAMESPACE,
        domain: 'virt-steward.io',
        handlers: wolHandlersFor(settings),
        container,
        kubeConfig,
      },
      ...{ logger: nullLogger, healthAddress: '0', metrics: { address: '0', secure: false } },
    });
    await operator.start();
    reporter = new ReportingAgent(port);
  });

  after(async () => {
    reporter?.close();
    await operator?.stop();
    await cluster?.stop();
  });

  it('are waited for before packets are answered', async () => {
    const refusal = await poll('the server to listen', async () => {
      const error = await reporter.report(WEST).then(
        () => undefined,
        (caught: Error) => caught.message,
      );
      return error?.includes('not complete yet') ? error : undefined;
    });
    expect(refusal).to.contain('the wake map is not complete yet');

    machines.isReady = true;

    await poll('an answer', () => reporter.report(WEST).catch(() => undefined));
  });

  it('make a config ready on a cluster without KubeVirt, are counted, woken once, and told of on their own object', async () => {
    machines.add({ name: 'west', mac: WEST });
    await untilCondition(cluster.api, 'all', 'Ready', 'True', 'MappingUpdated');
    await untilStatus(cluster.api, 'all', 'to count it', ({ managedVMs }) => managedVMs === 1);

    const answers = [await reporter.report(WEST), await reporter.report(WEST)];

    expect(answers.map(({ status, vm }) => `${status} ${vm}`)).to.deep.equal(['VM_START_INITIATED guests/west', 'DUPLICATE guests/west']);
    expect(machines.starts).to.deep.equal(['west']);
    await untilStatus(cluster.api, 'all', 'to name it', ({ lastWake }) => lastWake?.vm === 'east:guests/west');
    expect((await untilEvent(cluster.api, 'ConfigMap', 'west', 'WakeStarted')).regarding.namespace).to.equal('default');
  });

  it('of a cluster that cannot be reached end in ClusterUnavailable, and slow down nobody else', async () => {
    await cluster.installKubeVirt();
    await cluster.api.apply(aVm({ name: 'local', mac: LOCAL }));
    await untilStatus(cluster.api, 'all', 'to count both', ({ managedVMs }) => managedVMs === 2);
    const refused: CallOutcome = { kind: 'transient', message: 'connection refused', unreachable: true };
    const { promise: attempted, resolve: give } = Promise.withResolvers<CallOutcome>();
    machines.add({ name: 'down', mac: DOWN, start: () => attempted });

    const lost = reporter.report(DOWN);
    await poll('the lost one to be called', () => machines.starts.includes('down'));
    // The first call of the other one has no answer until this one is started.
    expectStarted(await reporter.report(LOCAL), 'default/local');
    await poll('the local one to be started', () => cluster.kubevirt.journal.calls({ name: 'local', code: 202 }).length > 0);
    expect(machines.starts.filter((name) => name === 'down')).to.have.length(1);
    give(refused);

    const answer = await poll('the failure', async () => {
      await lost;
      const told = await reporter.report(DOWN);
      return told.status === 'ACCEPTED' ? undefined : told;
    });
    expect(`${answer.status} ${answer.message}`).to.match(/^ERROR ClusterUnavailable: connection refused/);
  });

  it('are left out of a config that does not include them, and are gone when their source says so', async () => {
    await cluster.api.mergePatch(wolConfigRef('all'), { spec: { includeRemote: false } });
    await reporter.untilUnknown(WEST);
    await cluster.api.mergePatch(wolConfigRef('all'), { spec: { includeRemote: true } });
    await reporter.untilWakes(WEST, 'guests/west');

    machines.remove('west');

    await reporter.untilUnknown(WEST);
  });
});
