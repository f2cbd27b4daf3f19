import { expect } from 'chai';
import type { WolConfigSpec } from '../../../../src/api/wol/v1beta1';
import { ClusterView } from '../../../../src/kubevirt/diagnosis/cluster-view';
import type { MachineRequest } from '../../../../src/wol/sender/wake-request';
import { chooseMachine } from '../../../../src/wol/view/choose-machine';
import { listedWake, unwakeableTable, wakeTable } from '../../../../src/wol/view/wake-list';
import { type WakeMapView, wakeMapView } from '../../../../src/wol/view/wake-map-view';
import { unwakeableRows, wakeRows } from '../../../../src/wol/view/wake-rows';
import { aVm, aWolConfig, testMac } from '../../../harness/virtual-machines';
import { type FakeObject, fakeClient, NAMESPACE } from '../doctor/fake-cluster';

const config = (name: string, spec: WolConfigSpec = {}): FakeObject => aWolConfig(name, spec) as FakeObject;
const vm = (name: string, mac?: string, fields: { namespace?: string; runStrategy?: string } = {}): FakeObject => ({
  ...(aVm({ name, ...(mac === undefined ? {} : { mac }), ...fields }) as FakeObject),
});
const seen = (objects: readonly FakeObject[], denied: readonly string[] = [], namespace?: string): Promise<WakeMapView> =>
  wakeMapView(new ClusterView(fakeClient({ objects, denied }).client), { operatorNamespace: NAMESPACE, namespace });

const request = (machine: MachineRequest['machine'], ports?: readonly number[]): MachineRequest => ({
  kind: 'machine',
  machine,
  isPortGiven: ports !== undefined,
  waitMs: undefined,
  sending: { to: [], ports: ports ?? [9], interfaceName: undefined, password: undefined, count: 1, intervalMs: 0, dryRun: false },
});

describe('the wake map as rows', () => {
  it('has one row for an address that wakes the same machine on several ports, and two where ports differ', async () => {
    const { map } = await seen([
      vm('a', testMac(1)),
      vm('b', testMac(2)),
      config('all', { wolPorts: [9, 7], agent: { rawEthernet: true } }),
      config('fixed', {
        discoveryMode: 'Explicit',
        wolPorts: [7],
        explicitMappings: [{ macAddress: testMac(2), vmName: 'a', namespace: 'default' }],
      }),
    ]);

    expect(wakeRows(map).map(({ mac, vm: name, channels, precedence, source }) => [mac, name, channels, precedence, source])).to.deep.equal(
      [
        [testMac(1), 'default/a', [7, 9, 'ethernet'], 'All', 'declared'],
        [testMac(2), 'default/a', [7], 'Explicit', 'explicit'],
        [testMac(2), 'default/b', [9, 'ethernet'], 'All', 'declared'],
      ],
    );
  });

  it('tells a mapped machine of a namespace that is not watched from one that does not exist', async () => {
    const explicitMappings = ['lab', 'default'].map((namespace, index) => ({ macAddress: testMac(index), vmName: 'a', namespace }));
    const objects = [vm('a'), config('fixed', { discoveryMode: 'Explicit', explicitMappings })];
    const view = new ClusterView(fakeClient({ objects }).client);
    const { map } = await wakeMapView(view, { operatorNamespace: NAMESPACE, watchNamespaces: ['lab'] });

    expect(unwakeableRows(map).map(({ vm: name, why }) => `${name} ${why}`)).to.deep.equal([
      'default/a is in a namespace that the manager does not watch (--watch-namespaces)',
      'lab/a the virtual machine does not exist',
    ]);
  });

  it('counts as unwakeable what the status of the config counts, and says why', async () => {
    const { map } = await seen([
      vm('a', testMac(1)),
      vm('b', testMac(1)),
      vm('c'),
      config('all'),
      config('fixed', { discoveryMode: 'Explicit', explicitMappings: [{ macAddress: testMac(9), vmName: 'gone', namespace: 'lab' }] }),
    ]);
    const rows = unwakeableRows(map);

    expect(unwakeableTable(rows)).to.deep.equal([
      'VM          CONFIG   WHY',
      `default/b   all      ${testMac(1)} wakes default/a (All, WolConfig all)`,
      'default/c   all      declares no usable MAC address',
      'lab/gone    fixed    the virtual machine does not exist',
    ]);
    for (const name of ['all', 'fixed']) {
      expect(rows.filter((row) => row.config === name)).to.have.length(map.countsOf(name)?.unwakeableVms ?? -1);
    }
  });

  it('tells what a packet would do now, and what it has to bring with it', async () => {
    const { map, configs } = await seen([
      vm('a', testMac(1)),
      vm('b', testMac(2), { runStrategy: 'Halted' }),
      config('strict', { startPolicy: 'Skip', allowedSources: ['192.0.2.0/24'], secureOn: { passwordSecretRef: { name: 'wake' } } }),
    ]);
    const [head, first, second] = wakeTable(wakeRows(map).map((row) => listedWake(row, configs)));

    expect(head).to.match(/^MAC +VM +RUN STRATEGY +STATE +CONFIGS +PORTS +PRECEDENCE +SOURCE +CONFLICT +A PACKET NOW$/);
    expect(first).to.match(/default\/a .* starts it, given a sender in 192\.0\.2\.0\/24 and the SecureOn password \(WolConfig strict\)$/);
    expect(second).to.match(/default\/b .* is refused \(SkippedByPolicy\), given/);
  });

  it('are those of one namespace when the caller may see no other, which is said', async () => {
    const { map, lacks } = await seen([vm('a', testMac(1)), config('all')], ['list virtualmachineinstances'], 'default');
    expect(wakeRows(map)).to.have.length(1);
    expect(lacks).to.deep.equal([
      'instances of other namespaces are not seen: you may not list virtualmachineinstances.kubevirt.io',
      'instances are not seen: you may not list virtualmachineinstances.kubevirt.io in namespace default',
    ]);
  });
});

describe('the packet for a machine', () => {
  it('goes to the usual port if that wakes it, else to the first that does', async () => {
    const view = await seen([
      vm('a', testMac(1)),
      vm('b', testMac(2), { namespace: 'lab' }),
      config('some', { wolPorts: [7, 9], namespaceSelectors: ['default'] }),
      config('lab', { wolPorts: [4000, 4001], namespaceSelectors: ['lab'] }),
    ]);
    expect(chooseMachine(view, request({ namespace: 'default', name: 'a' })))
      .to.include({ kind: 'chosen', mac: testMac(1) })
      .and.to.deep.include({ ports: [9] });
    expect(chooseMachine(view, request({ namespace: 'lab', name: 'b' }))).to.deep.include({ ports: [4000] });
    expect(chooseMachine(view, request({ namespace: 'lab', name: 'b' }, [4001]))).to.deep.include({ ports: [4001] });
  });

  it('is none for a machine that nothing wakes, or not on that port', async () => {
    const view = await seen([vm('a', testMac(1)), config('all')]);
    expect(chooseMachine(view, request({ namespace: 'default', name: 'b' }))).to.deep.equal({
      kind: 'none',
      text: 'no packet wakes default/b',
    });
    expect(chooseMachine(view, request({ namespace: 'default', name: 'a' }, [7]))).to.deep.equal({
      kind: 'none',
      text: 'no packet on port 7 wakes default/a',
    });
    expect(chooseMachine(view, request({ mac: testMac(3) }))).to.deep.equal({
      kind: 'none',
      text: `no WolConfig wakes anything by ${testMac(3)} on port 9`,
    });
  });
});
