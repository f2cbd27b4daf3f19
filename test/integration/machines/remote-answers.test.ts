import { expect } from 'chai';
import { HttpFaultProxy, status, TcpFaultProxy } from '../../../src/framework/testing';
import { expectWestServed, runMachinePair } from '../../harness/machine-pair';
import { conditionText, kubeconfigSecret, kubevirtConfig, MachinesFixture, type TestMachine } from '../../harness/machines-fixture';
import { poll } from '../../harness/poll';
import type { TestObject } from '../../harness/steward-cluster';

const ALWAYS = 1_000_000;

interface Config extends TestObject {
  status?: { phase?: string; status?: string; message?: string };
}

/** Answers that a whole cluster gives, and what its KubevirtConfig and its Machines say then. */
const ANSWERS = [
  { code: 401, phase: 'Invalid', status: 'Unauthorized' },
  { code: 403, phase: 'Invalid', status: 'Forbidden' },
  { code: 500, phase: 'Unreachable', status: 'ServerError' },
] as const;

describe('Machines whose cluster answers, but not as it should', () => {
  let fixture: MachinesFixture;
  let http: HttpFaultProxy;
  let impostor: HttpFaultProxy;
  let way: TcpFaultProxy;
  /** Where the way leads to; it may change. */
  const target = { host: '127.0.0.1', port: 0 };

  const portOf = (proxy: HttpFaultProxy): number => Number(new URL(proxy.url).port);
  const untilConfig = (word: string): Promise<Config> => {
    let last: Config | undefined;
    return poll(
      `KubevirtConfig east to be ${word}`,
      async () => {
        last = await fixture.supervisor.api.get<Config>(kubevirtConfig('east'));
        return last?.status?.status === word ? last : undefined;
      },
      { intervalMs: 100, onTimeout: () => `${JSON.stringify(last)}\n${fixture.manager.process.log.slice(-4_000)}` },
    );
  };
  const untilLost = (reason: string): Promise<TestMachine> =>
    fixture.until('web', `to be out of reach for ${reason}`, (machine) => conditionText(machine, 'RemoteUnreachable') === `True ${reason}`);
  const untilServed = async (): Promise<void> => {
    await untilConfig('Connected');
    await fixture.until('web', 'to be reached again', (machine) => {
      return conditionText(machine, 'RemoteUnreachable') === 'False Reachable' && conditionText(machine, 'Ready') === 'True Running';
    });
  };

  before(async () => {
    fixture = await MachinesFixture.start();
    const { server, ca, caData } = fixture.remotes.east.controlPlane;
    http = await HttpFaultProxy.start({ target: server, targetCa: ca });
    impostor = await HttpFaultProxy.start({ target: server, targetCa: ca });
    target.port = portOf(http);
    way = await TcpFaultProxy.start({ target });
    const kubeconfig = (await fixture.remotes.east.kubeconfig('virt-steward', `https://127.0.0.1:${way.port}`)).replace(
      caData,
      Buffer.from(http.ca ?? '').toString('base64'),
    );
    await fixture.supervisor.api.apply(kubeconfigSecret('east', kubeconfig));
    await fixture.supervisor.api.apply(kubevirtConfig('east'));
    await runMachinePair(fixture);
  });

  after(async () => {
    await fixture?.stop();
    for (const proxy of [way, http, impostor]) await proxy?.stop();
  });

  for (const answer of ANSWERS) {
    it(`say so when it is ${answer.code}, keep what was known, disturb no other, and recover by themselves`, async () => {
      const fault = http.faults.add({ on: {}, do: status(answer.code, { message: 'said by the test' }), times: ALWAYS });
      http.cutConnections();

      expect((await untilConfig(answer.status)).status?.phase).to.equal(answer.phase);
      const lost = await untilLost(answer.status);
      expect(lost.status).to.include({ phase: 'Running', providerID: 'kubevirt://east/team-a/vm-web' });
      expect(conditionText(lost, 'Ready')).to.equal('Unknown RemoteUnreachable');
      await expectWestServed(fixture);

      fault.remove();
      await untilServed();
    });
  }

  it('send nothing to a server of another certificate, say so, and go on with the one before', async () => {
    target.port = portOf(impostor);
    way.cut();

    expect((await untilConfig('TLSError')).status?.phase).to.equal('Unreachable');
    await untilLost('TLSError');
    await expectWestServed(fixture);

    target.port = portOf(http);
    way.cut();
    await untilServed();
  });

  it('never had two virtual machines', async () => {
    for (const name of ['east', 'west'] as const) {
      const vms = await fixture.remotes[name].api.list('/apis/kubevirt.io/v1/virtualmachines');
      expect(vms.length, name).to.equal(1);
    }
  });
});
