import { expect } from 'chai';
import { MachinesFixture, type TestMachine } from '../../harness/machines-fixture';
import { poll } from '../../harness/poll';
import { eventsAbout } from '../../harness/wol-objects';

const PATH = '/apis/vitistack.io/v1alpha1/namespaces/team-a/machines';
const STATUS = `${PATH}/web/status?fieldManager=kubevirt-operator`;
const FURTHER_CHANGES = 100;
/** More than we write before five changes are known: four may be answered, by the placement and by the rest, again after a conflict. */
const BEFORE_FIFTH = 20;
const MINUTE_MS = 60_000;
/** Fields that the types of the older operator have; it writes the status whole and so drops all others. */
const OLDER_FIELDS = ['provider', 'providerID', 'machineID', 'networkInterfaces', 'ipAddresses', 'disks', 'conditions'] as const;

describe('a Machine whose status an older operator writes that was not stopped', () => {
  let fixture: MachinesFixture;

  before(async () => {
    fixture = await MachinesFixture.start();
    await fixture.connect('east');
    await fixture.create('web', { annotations: { 'vitistack.io/kubevirt-config': 'east' } });
    await fixture.untilPhase('web', 'Running');
  });
  after(() => fixture?.stop());

  /** What it writes differs each time. @returns false when somebody else was faster. */
  const overwrite = async (machine: TestMachine, round: number): Promise<boolean> => {
    const known = Object.fromEntries(OLDER_FIELDS.map((name) => [name, machine.status?.[name]]));
    const body = { ...machine, status: { ...known, phase: 'Running', state: `Older${round}` } };
    const { status } = await fixture.supervisor.controlPlane.request({ method: 'PUT', path: STATUS, body });
    if (status !== 200 && status !== 409) throw new Error(`the status was answered with ${status}`);
    return status === 200;
  };

  const notes = async (): Promise<string[]> =>
    (await eventsAbout(fixture.supervisor.api, 'Machine', 'web'))
      .filter(({ reason }) => reason === 'StatusContested')
      .map(({ note = '' }) => note);

  /** Every state since a version, as a watch tells them that ends by itself. */
  const statesSince = async (version: string): Promise<TestMachine[]> => {
    const path = `${PATH}?watch=1&fieldSelector=metadata.name%3Dweb&resourceVersion=${version}&timeoutSeconds=1`;
    const { body } = await fixture.supervisor.controlPlane.request({ path });
    const lines = typeof body === 'string' ? body.trim().split('\n') : [JSON.stringify(body)];
    return lines.filter((line) => line !== '').map((line) => (JSON.parse(line) as { object: TestMachine }).object);
  };

  it('names who writes it, is written by us once a minute from then on, and keeps its virtual machine', async () => {
    const { resourceVersion: start = '' } = (await fixture.machine('web'))!.metadata;
    const vm = await fixture.vm('east', 'vm-web');
    const beganMs = Date.now();
    let done = 0;
    const overwriteOnce = async (): Promise<void> => {
      if (await overwrite((await fixture.machine('web'))!, done)) done++;
    };
    await poll(
      'the contest to be told',
      async () => {
        await overwriteOnce();
        return (await notes()).length > 0;
      },
      { intervalMs: 50, onTimeout: () => fixture.manager.process.log.slice(-6_000) },
    );
    for (const enough = done + FURTHER_CHANGES; done < enough; ) await overwriteOnce();

    // Where the older one was faster each time, nothing of ours is among it before a minute is over.
    const states = await poll('the watch to tell everything, with a write of ours', async () => {
      const told = await statesSince(start);
      const isComplete = told.at(-1)?.metadata.resourceVersion === (await fixture.machine('web'))?.metadata.resourceVersion;
      return isComplete && told.some(({ status }) => !isOlder(status)) ? told : undefined;
    });
    const minutes = Math.ceil((Date.now() - beganMs) / MINUTE_MS);
    const ours = states.filter(({ status }) => !isOlder(status)).length;
    expect(states.length - ours, 'changes by the older operator').to.equal(done);
    expect(ours, `in ${minutes} minutes`).to.be.within(1, BEFORE_FIFTH + minutes);
    expect(await notes()).to.deep.equal([
      'kubevirt-operator keeps changing the status of this Machine; until it stops, the status is written once a minute at most',
    ]);
    expect((await fixture.vm('east', 'vm-web'))?.metadata.uid).to.equal(vm?.metadata.uid);
    expect(await fixture.remotes.east.api.list('/apis/kubevirt.io/v1/virtualmachines')).to.have.length(1);
  });
});

/** It drops what it does not know. */
function isOlder(status: TestMachine['status']): boolean {
  return status?.state?.startsWith('Older') === true && status.kubevirtConfigRef === undefined;
}
