import { expect } from 'chai';
import type { WolConfig } from '../../../src/api/wol/v1beta1';
import { PATIENCE_MS, poll } from '../../harness/poll';
import { ReportingAgent } from '../../harness/reporting-agent';
import { StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import {
  conditionOf,
  eventsAbout,
  untilCondition,
  untilEvent,
  untilStatus,
  vmRef,
  wolConfig,
  wolConfigRef,
} from '../../harness/wol-objects';

describe('what a WolConfig says about itself', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let reporter: ReportingAgent;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol', kubevirt: false });
    await cluster.api.apply(aWolConfig('all'));
    await cluster.api.apply(aWolConfig('empty', { namespaceSelectors: ['nowhere'] }));
    manager = await startManager(cluster);
    reporter = new ReportingAgent(manager.grpcPort);
  });

  after(async () => {
    reporter?.close();
    await manager?.process.stop();
    await cluster?.stop();
  });

  /** The value of a series, with its labels in the order of the exposition. */
  const metric = async (series: string): Promise<number | undefined> => {
    const line = (await manager.metrics()).split('\n').find((text) => text.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  };

  describe('on a cluster without KubeVirt', () => {
    it('is not ready, names the missing API, and the manager is ready all the same', async () => {
      const { message } = await untilCondition(cluster.api, 'all', 'Ready', 'False', 'KubeVirtMissing');

      expect(message).to.contain('virtualmachines.kubevirt.io');
      const { status, text } = await manager.health('/readyz?verbose');
      expect(status, text).to.equal(200);
      expect(text).to.contain('virtualmachines.kubevirt.io is not served');
      expect((await reporter.report(testMac(1))).status).to.equal('VM_NOT_FOUND');
    });

    it('becomes ready without a restart when KubeVirt is installed, also where it finds no machine', async () => {
      const before = await untilCondition(cluster.api, 'empty', 'Ready', 'False', 'KubeVirtMissing');
      // Transitions are dated in seconds.
      await poll('the second to be over', () => Date.now() >= Date.parse(before.lastTransitionTime) + 1_000);

      await cluster.installKubeVirt();

      const ready = await untilCondition(cluster.api, 'all', 'Ready', 'True', 'MappingUpdated');
      const readyEmpty = await untilCondition(cluster.api, 'empty', 'Ready', 'True', 'MappingUpdated');
      expect(ready.observedGeneration).to.equal(1);
      expect(readyEmpty.lastTransitionTime > before.lastTransitionTime, 'the transition is dated').to.equal(true);
      await cluster.api.apply(aVm({ name: 'first', mac: testMac(1) }));
      await reporter.untilWakes(testMac(1), 'default/first');
    });
  });

  describe('on a cluster that loses KubeVirt', () => {
    const definition = {
      ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'virtualmachines.kubevirt.io' } },
    };

    it('says so, wakes nothing, and recovers by itself when the definition is back', async () => {
      const { metadata, spec } = (await cluster.api.get(definition)) as TestObject & { spec: object };
      await cluster.api.delete(definition);

      // Discovery has to confirm it, after 5 s.
      await untilCondition(cluster.api, 'all', 'Ready', 'False', 'KubeVirtMissing');
      expect((await reporter.report(testMac(1))).status).to.equal('VM_NOT_FOUND');

      // What is about to go cannot be applied anew.
      await poll('the definition to be gone', async () => (await cluster.api.get(definition)) === undefined);
      await cluster.api.apply({ ...definition, metadata: { name: metadata.name, annotations: metadata.annotations }, spec } as TestObject);
      await untilCondition(cluster.api, 'all', 'Ready', 'True', 'MappingUpdated');
      await cluster.api.apply(aVm({ name: 'first', mac: testMac(1) }));
      await reporter.untilWakes(testMac(1), 'default/first');
    });
  });

  describe('when its spec cannot be acted on', () => {
    const cases: readonly (readonly [string, NonNullable<WolConfig['spec']>, string])[] = [
      ['LabelSelector without a selector', { discoveryMode: 'LabelSelector' }, 'spec.vmSelector is not set'],
      ['Explicit without mappings', { discoveryMode: 'Explicit' }, 'spec.explicitMappings is empty'],
      [
        'an unknown selector operator',
        { discoveryMode: 'LabelSelector', vmSelector: { matchExpressions: [{ key: 'a', operator: 'Like', values: ['b'] }] } },
        'spec.vmSelector.matchExpressions[0].operator is "Like"',
      ],
      ['an empty namespace', { namespaceSelectors: ['lab', ''] }, 'spec.namespaceSelectors[1] is ""'],
      ['a source that is no network', { allowedSources: ['192.0.2.300/24'] }, 'spec.allowedSources[0] is "192.0.2.300/24"'],
    ];
    for (const [what, spec, field] of cases) {
      it(`is InvalidConfig and names the field: ${what}`, async () => {
        await cluster.api.apply(aWolConfig('broken', spec));
        const { generation } = (await wolConfig(cluster.api, 'broken'))!.metadata!;

        const config = await untilStatus(
          cluster.api,
          'broken',
          'to describe this spec',
          (status) => status.observedGeneration === generation,
        );

        expect(conditionOf(config, 'Ready')).to.deep.include({ status: 'False', reason: 'InvalidConfig', observedGeneration: generation });
        expect(conditionOf(config, 'Ready')?.message).to.contain(field);
        expect(config.status).to.deep.include({ managedVMs: 0, managedMACs: 0, unwakeableVMs: 0 });
      });
    }

    it('tells so by an Event, and is ready again with the next good spec', async () => {
      await untilEvent(cluster.api, 'WolConfig', 'broken', 'InvalidConfig');

      await cluster.api.mergePatch(wolConfigRef('broken'), { spec: { allowedSources: null, namespaceSelectors: ['nowhere'] } });

      await untilCondition(cluster.api, 'broken', 'Ready', 'True', 'MappingUpdated');
    });
  });

  describe('when virtual machines share an address', () => {
    it('has MACConflict with winner and losers on every config involved, tells it by Events, and takes it back', async () => {
      const mac = testMac(20);
      await cluster.api.apply(aWolConfig('also', { wolPorts: [9] }));
      await cluster.api.apply(aVm({ name: 'older', mac }));
      await reporter.untilWakes(mac, 'default/older');
      await untilCondition(cluster.api, 'all', 'MACConflict', 'False', 'NoConflict');
      const older = await cluster.api.get(vmRef('older'));
      const createdMs = Date.parse(String(older?.metadata['creationTimestamp']));
      // Age is counted in seconds; among equals the UID decides, which would be a coin here.
      await poll('the second of its creation to be over', () => Date.now() >= createdMs + 1_000);

      await cluster.api.apply(aVm({ name: 'younger', mac }));

      for (const name of ['all', 'also']) {
        const { message } = await untilCondition(cluster.api, name, 'MACConflict', 'True', 'Conflict');
        expect(message).to.contain(mac);
        const { status } = (await wolConfig(cluster.api, name))!;
        const conflict = { macAddress: mac, winner: 'default/older', losers: ['default/younger'], precedence: 'All' };
        expect(status?.conflicts).to.deep.equal([conflict]);
        expect(conditionOf({ status } as WolConfig, 'Ready')?.status, 'a conflict does not make it unready').to.equal('True');
        await untilEvent(cluster.api, 'WolConfig', name, 'MACConflict');
      }
      await untilEvent(cluster.api, 'VirtualMachine', 'younger', 'MACConflict');
      expect((await reporter.report(mac)).vm, 'the older one keeps the address').to.equal('default/older');

      await cluster.api.delete(vmRef('older'));

      for (const name of ['all', 'also']) {
        await untilCondition(cluster.api, name, 'MACConflict', 'False', 'NoConflict');
        expect((await wolConfig(cluster.api, name))?.status?.conflicts ?? []).to.deep.equal([]);
        await untilEvent(cluster.api, 'WolConfig', name, 'MACConflictResolved');
      }
      await reporter.untilWakes(mac, 'default/younger');
    });
  });

  describe('about wakes', () => {
    it('names the last wake, tells machine and config by an Event, and counts it', async () => {
      const mac = testMac(30);
      await cluster.api.apply(aWolConfig('woken', { wolPorts: [4_030] }));
      await cluster.api.apply(aVm({ name: 'sleeper', mac }));
      await reporter.untilWakes(mac, 'default/sleeper', { port: 4_030 });
      const { status } = await untilStatus(cluster.api, 'woken', 'to have a last wake', ({ lastWake }) => lastWake !== undefined);
      expect(status?.lastWake).to.deep.include({ macAddress: mac, vm: 'default/sleeper', result: 'Started', node: 'test-node' });
      expect(Math.abs(Date.parse(status!.lastWake!.time) - Date.now())).to.be.below(PATIENCE_MS);
      for (const [kind, name] of [['VirtualMachine', 'sleeper'] as const, ['WolConfig', 'woken'] as const]) {
        const event = await untilEvent(cluster.api, kind, name, 'WakeStarted');
        expect(event.type).to.equal('Normal');
        for (const fact of [mac, '192.0.2.7', 'test-node', 'woken']) expect(event.note).to.contain(fact);
      }
      expect(await metric('wol_packets_total{config="woken"}')).to.be.at.least(1);
      expect(await metric('wol_vm_started_total{config="woken"}')).to.equal(1);
      expect(await metric('wol_errors_total{config="woken",reason="VMMissing"}')).to.equal(undefined);
    });

    it('tells why a wake failed, in lastWake, in Events, in a metric and in the answer', async () => {
      const mac = testMac(31);
      const explicitMappings = [{ macAddress: mac, vmName: 'ghost', namespace: 'default' }];
      await cluster.api.apply(aWolConfig('haunted', { discoveryMode: 'Explicit', wolPorts: [4_031], explicitMappings }));
      const answer = await poll('the failure', async () => {
        const told = await reporter.report(mac, 4_031);
        return told.status === 'ERROR' ? told : undefined;
      });

      expect(answer.message).to.match(/^VMMissing: /);
      const { status } = await untilStatus(cluster.api, 'haunted', 'to have a last wake', ({ lastWake }) => lastWake !== undefined);
      expect(status?.lastWake).to.deep.include({ macAddress: mac, vm: 'default/ghost', result: 'Failed' });
      const event = await untilEvent(cluster.api, 'WolConfig', 'haunted', 'WakeFailed');
      expect(event).to.include({ type: 'Warning' });
      expect(event.note).to.match(/^VMMissing: /);
      expect(await metric('wol_errors_total{config="haunted",reason="VMMissing"}')).to.equal(1);
    });

    it('tells of a machine that its owner wants off by an Event on the machine only', async () => {
      const mac = testMac(32);
      await cluster.api.apply(aWolConfig('polite', { startPolicy: 'Skip', wolPorts: [4_032] }));
      await cluster.api.apply(aVm({ name: 'halted', mac, runStrategy: 'Halted' }));
      await poll('the refusal', async () => (await reporter.report(mac, 4_032)).message.startsWith('SkippedByPolicy: '));

      await untilEvent(cluster.api, 'VirtualMachine', 'halted', 'WakeSkipped');
      // Events are sent in the order in which they happen: that of another machine comes after everything about the first.
      await cluster.api.apply(aVm({ name: 'halted-too', mac: testMac(34), runStrategy: 'Halted' }));
      await poll('the next refusal', async () => (await reporter.report(testMac(34), 4_032)).message.startsWith('SkippedByPolicy: '));
      await untilEvent(cluster.api, 'VirtualMachine', 'halted-too', 'WakeSkipped');
      expect((await eventsAbout(cluster.api, 'WolConfig', 'polite')).map(({ reason }) => reason)).to.not.include('WakeSkipped');
      expect(cluster.kubevirt.journal.calls({ verb: 'start', name: 'halted' })).to.deep.equal([]);
    });

    it('counts the machines a packet can wake, zero included', async () => {
      await cluster.api.apply(aWolConfig('gauge', { namespaceSelectors: ['gauged'], wolPorts: [4_033] }));
      await poll('the gauge of a config without machines', async () => (await metric('wol_managed_vms{config="gauge"}')) === 0);
      await cluster.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'gauged' } });

      await cluster.api.apply(aVm({ name: 'g', namespace: 'gauged', mac: testMac(33) }));

      await poll('the gauge to follow', async () => (await metric('wol_managed_vms{config="gauge"}')) === 1);
    });

    it('has no series left once the config is deleted', async () => {
      expect(await manager.metrics()).to.contain('config="haunted"');

      await cluster.api.delete(wolConfigRef('haunted'));

      await poll('the series to be gone', async () => !(await manager.metrics()).includes('config="haunted"'));
    });
  });

  describe('on a calm cluster', () => {
    it('is not written while nothing changes, although packets for running machines keep coming', async () => {
      const mac = testMac(40);
      await cluster.api.apply(aVm({ name: 'steady', mac }));
      await cluster.api.apply(aWolConfig('calm', { wolPorts: [4_040] }));
      await reporter.untilWakes(mac, 'default/steady', { port: 4_040 });
      const versions = async (): Promise<Record<string, string>> => {
        const configs = await cluster.api.list('/apis/wol.pillon.org/v1beta1/wolconfigs');
        return Object.fromEntries(configs.map(({ metadata }) => [metadata.name, String(metadata['resourceVersion'])]));
      };
      await untilStatus(cluster.api, 'calm', 'to have a last wake', ({ lastWake }) => lastWake !== undefined);
      let before = await versions();
      let quietSinceMs = performance.now();
      await poll(
        'no write to any config for longer than one is delayed',
        async () => {
          await reporter.report(mac, 4_040);
          const now = await versions();
          if (JSON.stringify(now) === JSON.stringify(before)) return performance.now() - quietSinceMs > 12_000;
          before = now;
          quietSinceMs = performance.now();
          return undefined;
        },
        { intervalMs: 100 },
      );
    });
  });
});
