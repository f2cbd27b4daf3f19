import { expect } from 'chai';
import { TcpFaultProxy } from '../../../src/framework/testing';
import { EAST, expectWestServed, runMachinePair, WEB_VM } from '../../harness/machine-pair';
import { conditionText, configurationRef, MachinesFixture, machineRef } from '../../harness/machines-fixture';
import { poll } from '../../harness/poll';
import { ReportingAgent } from '../../harness/reporting-agent';

describe('Machines whose cluster is lost and comes back', () => {
  let fixture: MachinesFixture;
  let proxy: TcpFaultProxy | undefined;

  before(async () => {
    fixture = await MachinesFixture.start({
      modules: 'wol,machines',
      eastServer: (server) => server.replace(/:\d+$/, `:${proxy?.port}`),
    });
    proxy = await TcpFaultProxy.start({
      target: { host: '127.0.0.1', port: Number(new URL(fixture.remotes.east.controlPlane.server).port) },
    });
    await fixture.connect('east');
    await runMachinePair(fixture);
  });

  after(async () => {
    await fixture?.stop();
    await proxy?.stop();
  });

  it('are woken by a magic packet for the address in their record', async () => {
    await fixture.supervisor.api.apply({ apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name: 'all' } });
    const record = (await fixture.supervisor.api.get(configurationRef('web'))) as unknown as {
      spec: { networkInterfaces: { macAddress: string }[] };
    };
    const mac = record.spec.networkInterfaces[0]?.macAddress ?? '';
    await fixture.remotes.east.kubevirt.call('stop', WEB_VM);
    await fixture.untilPhase('web', 'Stopped');

    const reporter = new ReportingAgent(fixture.manager.grpcPort);
    try {
      await reporter.untilStarts(mac, 'team-a/vm-web');
    } finally {
      reporter.close();
    }
    await fixture.untilPhase('web', 'Running');
    expect((await fixture.untilEvent('web', 'WakeStarted')).length).to.be.greaterThan(0);
  });

  it('say so and keep what was known, while the others are served as before', async () => {
    proxy?.halfOpen();
    const lost = await fixture.until(
      'web',
      'to be out of reach',
      (machine) => conditionText(machine, 'RemoteUnreachable') === 'True Disconnected',
    );
    expect(lost.status).to.include({ phase: 'Running', providerID: 'kubevirt://east/team-a/vm-web' });
    expect(conditionText(lost, 'Ready')).to.equal('Unknown RemoteUnreachable');
    await fixture.untilEvent('web', 'RemoteUnreachable');

    await expectWestServed(fixture);
    // What happens meanwhile on the lost cluster shows when it is back.
    await fixture.remotes.east.kubevirt.call('stop', WEB_VM);
    await fixture.create('late', EAST);
    const late = await fixture.until('late', 'to be recorded', (machine) => conditionText(machine, 'Placed') === 'True Annotation');
    expect(late.status?.kubevirtConfigRef).to.include({ name: 'east', rule: 'Annotation' });
    expect(await fixture.vm('east', 'vm-late')).to.equal(undefined);
  });

  it('wait with their deletion, and complete it by themselves', async () => {
    await fixture.create('doomed', EAST);
    await fixture.until('doomed', 'to be recorded', (machine) => machine.status?.kubevirtConfigRef?.name === 'east');
    await fixture.supervisor.api.delete(machineRef('doomed'));
    const waiting = await fixture.until('doomed', 'to wait', (machine) => conditionText(machine, 'Deleting')?.startsWith('True') === true);
    expect(waiting.status?.message).to.match(/^waiting for cluster east: .+\. To give up the remote objects set annotation vitistack/);

    await proxy?.heal();

    await fixture.untilGone('doomed');
    await fixture.untilPhase('web', 'Stopped');
    await fixture.untilPhase('late', 'Running');
    const back = (await fixture.machine('web'))!;
    expect(conditionText(back, 'RemoteUnreachable')).to.equal('False Reachable');
  });

  it('never had two virtual machines', async () => {
    for (const remote of ['east', 'west'] as const) {
      const vms = await fixture.remotes[remote].api.list('/apis/kubevirt.io/v1/virtualmachines');
      expect(vms.length).to.equal(remote === 'east' ? 2 : 1);
    }
    await poll('the manager to be ready', async () => (await fixture.manager.health('/readyz')).status === 200);
  });
});
