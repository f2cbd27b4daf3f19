import { expect } from 'chai';
import { poll } from '../../harness/poll';
import { NAMESPACE, Rig } from './rig';

describe('the virt-controller of the KubeVirt stand-in', () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.start();
  });
  after(() => rig?.stop());
  afterEach(() => rig.kubevirt.setTimings({}));

  const at = (name: string): { namespace: string; name: string } => ({ namespace: NAMESPACE, name });
  const instanceUid = async (name: string): Promise<string | undefined> => (await rig.vmi(name))?.metadata.uid;

  it('takes a Manual VM from Stopped over Starting to Running and back, its strategy untouched', async () => {
    rig.kubevirt.setTimings({ schedulingMs: Number.POSITIVE_INFINITY });
    await rig.createVm({
      name: 'manual',
      spec: { runStrategy: 'Manual' },
      interfaces: [{ name: 'lan', macAddress: '02:00:00:00:00:01' }, { name: 'other' }],
    });
    await rig.untilPrinted('manual', 'Stopped');

    expect((await rig.kubevirt.call('start', at('manual'))).code).to.equal(202);
    const starting = await rig.untilPrinted('manual', 'Starting');
    expect(starting.status).to.deep.include({ created: true, ready: false, runStrategy: 'Manual' });
    expect(starting.status?.stateChangeRequests).to.equal(undefined);

    rig.kubevirt.setTimings({});
    const running = await rig.untilPrinted('manual', 'Running');
    expect(running.status?.ready).to.equal(true);
    const vmi = await rig.vmi('manual');
    expect(vmi?.metadata.ownerReferences?.[0]).to.deep.include({ kind: 'VirtualMachine', uid: running.metadata.uid, controller: true });
    expect(vmi?.status?.interfaces?.map(({ name, mac }) => [name, mac?.slice(0, 3)])).to.deep.equal([
      ['lan', '02:'],
      ['other', '02:'],
    ]);

    expect((await rig.kubevirt.call('stop', at('manual'))).code).to.equal(202);
    const stopped = await rig.untilPrinted('manual', 'Stopped');
    expect(stopped.spec.runStrategy).to.equal('Manual');
    await poll('the instance to go', async () => ((await rig.vmi('manual')) === undefined ? true : undefined));
  });

  it('starts a final Manual VM as a new instance', async () => {
    await rig.createVm({ name: 'finished', spec: { runStrategy: 'Manual' } });
    await rig.kubevirt.call('start', at('finished'));
    await rig.untilPrinted('finished', 'Running');
    const first = await instanceUid('finished');
    await rig.kubevirt.setPhase(at('finished'), 'Succeeded');
    await rig.untilPrinted('finished', 'Stopped');

    expect((await rig.kubevirt.call('start', at('finished'))).code).to.equal(202);

    await rig.untilPrinted('finished', 'Running');
    expect(await instanceUid('finished')).not.to.equal(first);
  });

  it('keeps an Always VM running: a guest that shuts down comes back', async () => {
    await rig.createVm({ name: 'always', spec: { runStrategy: 'Always' } });
    await rig.untilPrinted('always', 'Running');
    const first = await instanceUid('always');

    await rig.kubevirt.setPhase(at('always'), 'Succeeded');

    await poll('another instance', async () => {
      const uid = await instanceUid('always');
      return uid !== undefined && uid !== first ? uid : undefined;
    });
    await rig.untilPrinted('always', 'Running');
  });

  it('reruns a RerunOnFailure VM that failed and leaves one down that ended well', async () => {
    await rig.createVm({ name: 'rerun', spec: { runStrategy: 'RerunOnFailure' } });
    await rig.untilPrinted('rerun', 'Running');
    const first = await instanceUid('rerun');

    await rig.kubevirt.setPhase(at('rerun'), 'Failed');
    await poll('another instance', async () => {
      const uid = await instanceUid('rerun');
      return uid !== undefined && uid !== first ? uid : undefined;
    });
    await rig.untilPrinted('rerun', 'Running');

    await rig.kubevirt.setPhase(at('rerun'), 'Succeeded');
    await poll('the instance to go', async () => ((await rig.vmi('rerun')) === undefined ? true : undefined));
    expect((await rig.untilPrinted('rerun', 'Stopped')).status?.stateChangeRequests).to.equal(undefined);
    expect((await rig.kubevirt.call('start', at('rerun'))).code).to.equal(202);
    await rig.untilPrinted('rerun', 'Running');
  });

  it('starts a Halted VM paused: the strategy flips and the instance waits for unpause', async () => {
    await rig.createVm({ name: 'paused', spec: { runStrategy: 'Halted' } });
    await rig.untilPrinted('paused', 'Stopped');

    expect((await rig.kubevirt.call('start', at('paused'), { paused: true })).code).to.equal(202);
    expect((await rig.untilPrinted('paused', 'Paused')).spec.runStrategy).to.equal('Always');

    expect((await rig.kubevirt.call('unpause', at('paused'))).code).to.equal(200);
    await rig.untilPrinted('paused', 'Running');
  });

  it('creates a Once VM once, and a receiver that waits', async () => {
    await rig.createVm({ name: 'once', spec: { runStrategy: 'Once' } });
    await rig.createVm({ name: 'receiver', spec: { runStrategy: 'WaitAsReceiver' } });
    await rig.untilPrinted('once', 'Running');
    await rig.untilPrinted('receiver', 'WaitingForReceiver');
    const uid = await instanceUid('once');

    await rig.kubevirt.setPhase(at('once'), 'Succeeded');

    await rig.untilPrinted('once', 'Stopped');
    expect(await instanceUid('once')).to.equal(uid);
  });

  it('shows Stopping for as long as the guest takes, and kills it at the end of its grace period', async () => {
    rig.kubevirt.setTimings({ shutdownMs: 60_000 });
    await rig.createVm({ name: 'stubborn', spec: { runStrategy: 'Manual' }, terminationGracePeriodSeconds: 30 });
    await rig.kubevirt.call('start', at('stubborn'));
    await rig.untilPrinted('stubborn', 'Running');

    await rig.kubevirt.call('stop', at('stubborn'), { gracePeriod: 1 });

    await rig.untilPrinted('stubborn', 'Stopping');
    await rig.untilPrinted('stubborn', 'Stopped');
  });

  it('backs off after starts that fail early', async () => {
    rig.kubevirt.setTimings({ schedulingMs: Number.POSITIVE_INFINITY, startFailureBackoffSeconds: 1 });
    await rig.createVm({ name: 'crashing', spec: { runStrategy: 'Always' } });
    await poll('the instance to be scheduling', async () =>
      (await rig.vmi('crashing'))?.status?.phase === 'Scheduling' ? true : undefined,
    );
    const first = await instanceUid('crashing');

    await rig.kubevirt.setPhase(at('crashing'), 'Failed');

    expect((await rig.untilPrinted('crashing', 'CrashLoopBackOff')).status?.startFailure).to.deep.include({
      consecutiveFailCount: 1,
      lastFailedVMIUID: first,
    });
    rig.kubevirt.setTimings({});
    const running = await rig.untilPrinted('crashing', 'Running');
    expect(running.status?.startFailure).to.equal(undefined);
  });

  it('takes the instance down before a deleted VM goes', async () => {
    await rig.createVm({ name: 'deleted', spec: { runStrategy: 'Always' } });
    await rig.untilPrinted('deleted', 'Running');
    rig.kubevirt.setTimings({ shutdownMs: 300 });

    await rig.deleteVm('deleted');

    await rig.untilPrinted('deleted', 'Terminating');
    await poll('both to go', async () => ((await rig.kubevirt.vm(at('deleted'))) === undefined ? true : undefined));
    expect(await rig.vmi('deleted')).to.equal(undefined);
  });

  it('writes nothing while nothing changes', async () => {
    await rig.createVm({ name: 'steady', spec: { runStrategy: 'Always' } });
    await rig.untilPrinted('steady', 'Running');
    await rig.createVm({ name: 'after-steady', spec: { runStrategy: 'Always' } });
    await rig.untilPrinted('after-steady', 'Running');
    const [before, vmi] = [await rig.vm('steady'), await rig.vmi('steady')];

    // Everything is looked at once more, and then somebody else has been served from start to end.
    rig.kubevirt.setTimings({});
    await rig.createVm({ name: 'much-later', spec: { runStrategy: 'Always' } });
    await rig.untilPrinted('much-later', 'Running');

    expect((await rig.vm('steady')).metadata.resourceVersion).to.equal(before.metadata.resourceVersion);
    expect((await rig.vmi('steady'))?.metadata.resourceVersion).to.equal(vmi?.metadata.resourceVersion);
  });

  it('goes on after the API server was away, and notices what it missed', async () => {
    await rig.createVm({ name: 'survivor', spec: { runStrategy: 'Manual' } });
    await rig.untilPrinted('survivor', 'Stopped');

    await rig.controlPlane.stopApiServer();
    await rig.controlPlane.startApiServer();

    await rig.createVm({ name: 'newcomer', spec: { runStrategy: 'Always' } });
    await rig.untilPrinted('newcomer', 'Running');
    await poll('start to be accepted', async () => (await rig.kubevirt.call('start', at('survivor'))).code === 202);
    await rig.untilPrinted('survivor', 'Running');
  });
});
