import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing';
import { ClusterView } from '../../../../src/kubevirt/diagnosis/cluster-view';
import { type WaitEnd, type WaitOptions, waitUntilRunning } from '../../../../src/wol/view/wait-until-running';
import { aVm, aWolConfig, testMac } from '../../../harness/virtual-machines';
import { type FakeClusterOptions, type FakeObject, fakeClient } from '../doctor/fake-cluster';

const MAC = testMac(1);

describe('waiting until a machine runs', () => {
  let clock: FakeClock;
  let lines: string[];
  let cluster: { objects: FakeObject[]; denied: string[] };
  let ending: AbortController;

  beforeEach(() => {
    clock = new FakeClock();
    lines = [];
    cluster = { objects: [stopped('Stopped'), aWolConfig('lab') as FakeObject], denied: [] };
    ending = new AbortController();
  });

  const stopped = (printableStatus: string): FakeObject => ({
    ...(aVm({ name: 'desktop', mac: MAC }) as FakeObject),
    status: { printableStatus },
  });
  const instance = (phase: string, conditions: object[] = []): FakeObject => ({
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    metadata: { name: 'desktop', namespace: 'default' },
    status: { phase, conditions },
  });
  const wait = (fields: Partial<WaitOptions> = {}): Promise<WaitEnd> =>
    waitUntilRunning({
      view: new ClusterView(fakeClient(cluster as FakeClusterOptions).client),
      clock,
      signal: ending.signal,
      print: (line) => lines.push(line),
      namespace: 'default',
      name: 'desktop',
      mac: MAC,
      configs: [aWolConfig('lab') as never],
      unpauses: false,
      timeoutMs: 10_000,
      ...fields,
    });
  const untilLine = async (count: number): Promise<void> => {
    while (lines.length < count) await new Promise(setImmediate);
  };
  /** Lets the next look happen. */
  const later = async (ms = 1_000): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    clock.advance(ms);
  };

  it('tells each change of state once, and ends when the instance runs', async () => {
    const end = wait();
    await untilLine(1);
    await later();
    cluster.objects[0] = stopped('Starting');
    await later();
    await untilLine(2);
    cluster.objects[0] = stopped('Running');
    cluster.objects.push(instance('Running'));
    await later();

    expect(await end).to.equal('running');
    expect(lines).to.deep.equal([
      'default/desktop: Stopped',
      'default/desktop: Stopped -> Starting',
      'default/desktop: Starting -> Running',
    ]);
  });

  it('ends with the state Running also when KubeVirt has told so of the instance only', async () => {
    const end = wait();
    await untilLine(1);
    cluster.objects[0] = stopped('Starting');
    cluster.objects.push(instance('Running'));
    await later();

    expect(await end).to.equal('running');
    expect(lines.at(-1)).to.equal('default/desktop: Stopped -> Running');
  });

  it('ends at once for a machine that runs, and waits for a paused one that is going to be unpaused', async () => {
    cluster.objects.push(instance('Running', [{ type: 'Paused', status: 'True' }]));
    expect(await wait()).to.equal('running');
    const end = wait({ unpauses: true, timeoutMs: 1_000 });
    await later();
    await later();
    expect(await end).to.equal('timeout');
  });

  it('ends when the WolConfig says that the wake was refused', async () => {
    const end = wait();
    await untilLine(1);
    cluster.objects[1] = {
      ...cluster.objects[1]!,
      status: { lastWake: { time: 'now', macAddress: MAC, vm: 'default/desktop', result: 'Refused' } },
    };
    await later();

    expect(await end).to.equal('refused');
    expect(lines.at(-1)).to.equal('default/desktop: the wake was refused, says WolConfig lab');
  });

  it('takes no notice of what was known before the packet, nor of other machines', async () => {
    const known = { time: 'before', macAddress: MAC, vm: 'default/desktop', result: 'Failed' };
    cluster.objects[1] = { ...cluster.objects[1]!, status: { lastWake: known } };
    const end = wait({ configs: [cluster.objects[1] as never], timeoutMs: 2_000 });
    await untilLine(1);
    cluster.objects[1] = { ...cluster.objects[1]!, status: { lastWake: { ...known, vm: 'default/other' } } };
    for (let second = 0; second < 3; second++) await later();
    expect(await end).to.equal('timeout');
    expect(lines.at(-1)).to.equal('default/desktop: does not run after 2 s');
  });

  it('ends when the machine is deleted, and when it is interrupted', async () => {
    cluster.objects = [];
    expect(await wait()).to.equal('gone');
    cluster.objects = [stopped('Stopped')];
    lines = [];
    const end = wait();
    await untilLine(1);
    ending.abort();
    expect(await end).to.equal('interrupted');
    expect(lines.at(-1)).to.equal('default/desktop: Stopped; no longer waited for, which stops nothing');
  });

  it('names a missing right once, and goes on', async () => {
    cluster.denied = ['get virtualmachineinstances'];
    const end = wait();
    await untilLine(1);
    await later();
    cluster.denied = [];
    cluster.objects.push(instance('Running'));
    await later();
    expect(await end).to.equal('running');
    expect(lines[0]).to.equal('default/desktop: cannot be seen: you may not get virtualmachineinstances.kubevirt.io in namespace default');
    expect(lines.filter((line) => line.includes('cannot be seen'))).to.have.length(1);
  });
});
