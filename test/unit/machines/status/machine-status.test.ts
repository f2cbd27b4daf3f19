import { expect } from 'chai';
import type { MachineStatus } from '../../../../src/api/vitistack/v1alpha1';
import { isFalse, isTrue, mergedConditions, staleConditionsPatch } from '../../../../src/machines/status/conditions';
import { createFailure, networkFailure, placementFailure, specFailure } from '../../../../src/machines/status/failures';
import { type Findings, statusFields } from '../../../../src/machines/status/machine-status';
import { NO_ADDRESSES } from '../../../../src/machines/status/runtime-details';
import { aMachine, aRemoteVm, aRemoteVmi } from '../builders';

const NOW = '2026-01-02T03:04:05Z';
const LATER = '2026-01-02T04:00:00Z';

const findings = (more: Partial<Findings> = {}): Findings => ({
  profile: 'first',
  situation: 'creating',
  conditions: { SpecValid: isTrue('Valid'), Placed: isTrue('Annotation') },
  failure: undefined,
  problem: undefined,
  seen: undefined,
  ...more,
});
const running = (more: Partial<Findings> = {}): Findings =>
  findings({
    situation: 'known',
    seen: { cluster: 'east', vm: aRemoteVm(), vmi: aRemoteVmi('Running'), addresses: NO_ADDRESSES, disks: [], size: undefined },
    ...more,
  });
const stopped = (more: Partial<Findings> = {}): Findings => running({ seen: { ...running().seen!, vmi: undefined }, ...more });

/** The status after these findings came one after the other. */
function statusAfter(...steps: readonly (readonly [Findings, string])[]): MachineStatus {
  let status: MachineStatus = {};
  for (const [step, now] of steps) {
    const merged = { ...status, ...statusFields(aMachine({ status }), step, now) };
    status = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined)) as MachineStatus;
  }
  return status;
}
const ready = ({ conditions = [] }: MachineStatus): string => {
  const found = conditions.find(({ type }) => type === 'Ready');
  return `${found?.status} ${found?.reason}`;
};

describe('status of a Machine', () => {
  it('is Ready while its virtual machine runs, and names it', () => {
    const status = statusAfter([running(), NOW]);
    expect(ready(status)).to.equal('True Running');
    expect(status).to.deep.include({
      phase: 'Running',
      message: '',
      provider: 'kubevirt',
      providerID: 'kubevirt://east/team-a/vm-web',
      machineID: 'vm-uid',
      virtualMachineRef: { namespace: 'team-a', name: 'vm-web', uid: 'vm-uid' },
    });
  });

  it('tells a placement failure with the fixed texts', () => {
    const status = statusAfter([
      findings({
        situation: 'waiting-for-placement',
        conditions: {},
        failure: placementFailure('KubevirtConfigError', 'KubevirtConfig x not found'),
      }),
      NOW,
    ]);
    expect(status).to.deep.include({
      phase: 'Failed',
      state: 'Failed',
      failureReason: 'Failed to get or create KubeVirt client from config',
      failureMessage: 'KubevirtConfigError',
      message: 'KubevirtConfig x not found',
    });
    expect(ready(status)).to.equal('False KubevirtConfigError');
  });

  it('tells network, spec and create failures with the fixed texts', () => {
    const failed = (failure: Findings['failure']): MachineStatus => statusAfter([findings({ failure }), NOW]);
    expect(failed(networkFailure('x'))).to.deep.include({
      failureReason: 'Failed to get network configuration in current namespace',
      failureMessage: 'NetworkConfigurationError',
    });
    expect(failed(specFailure('x'))).to.deep.include({ failureReason: 'InvalidMachineSpec', failureMessage: 'x' });
    expect(failed(createFailure('admission denied'))).to.deep.include({
      failureReason: 'Failed to create VirtualMachine in remote cluster',
      failureMessage: 'admission denied',
    });
  });

  it('keeps phase Running under a failure while the instance runs', () => {
    expect(statusAfter([running({ failure: specFailure('x') }), NOW])).to.deep.include({
      phase: 'Running',
      failureReason: 'InvalidMachineSpec',
    });
  });

  it('shows after a recovery what a Machine shows that never failed, but for times of transition', () => {
    const withoutTimes = ({ conditions = [], lastUpdated: _, ...status }: MachineStatus): object => ({
      ...status,
      conditions: conditions.map(({ lastTransitionTime: _time, ...condition }) => condition).sort((a, b) => (a.type! < b.type! ? -1 : 1)),
    });
    const infrastructure = { InfrastructureReady: isTrue('Ready'), SpecValid: isTrue('Valid'), Placed: isTrue('Annotation') };
    const mended = statusAfter([findings({ failure: createFailure('x') }), NOW], [running({ conditions: infrastructure }), LATER]);
    const never = statusAfter([running({ conditions: infrastructure }), LATER]);
    expect(withoutTimes(mended)).to.deep.equal(withoutTimes(never));
  });

  it('is Unknown while its cluster does not answer, and keeps everything else', () => {
    const unreachable = findings({
      situation: 'unreachable',
      conditions: { RemoteUnreachable: isTrue('Disconnected', 'cluster east: refused') },
    });
    const status = statusAfter([running(), NOW], [unreachable, LATER]);
    expect(ready(status)).to.equal('Unknown RemoteUnreachable');
    expect(status).to.deep.include({
      phase: 'Running',
      state: 'Running',
      providerID: 'kubevirt://east/team-a/vm-web',
      message: 'cluster east: refused',
    });
  });

  it('empties addresses of a stopped machine and says that it does not run', () => {
    const addresses = { ipAddresses: ['10.0.0.5'], ipv6Addresses: [], privateIPAddresses: ['10.0.0.5'], publicIPAddresses: [] };
    const status = statusAfter([running({ seen: { ...running().seen!, addresses } }), NOW], [stopped(), LATER]);
    expect(status.ipAddresses).to.deep.equal([]);
    expect(ready(status)).to.equal('False NotRunning');
  });

  it('tells what Events say of a machine that does not start', () => {
    const problem = { reason: 'VMError', text: 'VM creation failed - 1 error(s) found: x' } as const;
    const status = statusAfter([stopped({ problem }), NOW]);
    expect(status).to.deep.include({ phase: 'Pending', failureReason: 'VMError', failureMessage: problem.text });
    expect(ready(status)).to.equal('False VMError');
    expect(statusAfter([stopped({ problem }), NOW], [running(), LATER])).to.not.have.any.keys('failureReason', 'failureMessage');
  });
});

describe('conditions of a Machine', () => {
  const stamp = { now: LATER, generation: 3 };
  const old = { type: 'Ready', status: 'False', reason: 'NotRunning', message: '', lastTransitionTime: NOW };

  it('move their time with the status only', () => {
    const [same] = mergedConditions([old], { Ready: isFalse('VMError', 'x') }, stamp);
    expect(same).to.deep.equal({
      type: 'Ready',
      status: 'False',
      reason: 'VMError',
      message: 'x',
      lastTransitionTime: NOW,
      observedGeneration: 3,
    });
    expect(mergedConditions([old], { Ready: isTrue('Running') }, stamp)[0]?.lastTransitionTime).to.equal(LATER);
  });

  it('leave types of others alone, repeats included, and put one entry for each of ours', () => {
    const theirs = { type: 'NetworkConfigured', status: 'True' };
    const merged = mergedConditions([theirs, old, theirs, old], { Ready: isTrue('Running'), SpecValid: isTrue('Valid') }, stamp);
    expect(merged.map(({ type }) => type)).to.deep.equal(['SpecValid', 'Ready', 'NetworkConfigured', 'NetworkConfigured']);
    expect(merged[2]).to.equal(theirs);
  });

  it('show news once it is news, and False afterwards', () => {
    const over = { RestartRequired: { status: 'False', reason: 'NotRequired', message: '' } } as const;
    expect(mergedConditions([], over, stamp)).to.deep.equal([]);
    const news = mergedConditions([], { RestartRequired: isTrue('RestartRequired', 'restart') }, stamp);
    expect(mergedConditions(news, over, stamp)).to.deep.include.members([
      { type: 'RestartRequired', status: 'False', reason: 'NotRequired', message: '', lastTransitionTime: LATER, observedGeneration: 3 },
    ]);
  });

  it('lose what the older operator kept appending, in one guarded patch', () => {
    const stale = { type: 'Unknown', message: 'KubevirtConfigError' };
    const other = { type: 'Unknown', reason: 'Failed to get network configuration' };
    expect(staleConditionsPatch([stale, old, other])).to.deep.equal([
      { op: 'test', path: '/status/conditions', value: [stale, old, other] },
      { op: 'replace', path: '/status/conditions', value: [old] },
    ]);
    expect(staleConditionsPatch([old, { type: 'Unknown', message: 'mine' }])).to.equal(undefined);
  });
});
