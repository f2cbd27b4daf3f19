import { expect } from 'chai';
import fc from 'fast-check';
import { eventProblem, shortened } from '../../../../src/machines/status/event-problems';
import { isPrivate } from '../../../../src/machines/status/ip-addresses';
import { phaseOf, type RemoteFacts } from '../../../../src/machines/status/phase';
import { addressLists, instanceDisks, interfaceStatuses, interfacesDown } from '../../../../src/machines/status/runtime-details';
import type { RemoteEvent } from '../../../../src/machines/virtual-machine/remote-objects';
import { aRemoteVm, aRemoteVmi } from '../builders';

const known = (facts: Partial<RemoteFacts>, profile: 'first' | 'second' = 'first'): string => {
  const result = phaseOf({ kind: 'known', facts: { vmi: undefined, printableStatus: '', ready: false, ...facts } }, profile);
  return `${result?.phase}/${result?.state}`;
};
const vmi = (phase: string, more: { deleting?: boolean; paused?: boolean } = {}): Partial<RemoteFacts> => ({
  vmi: { phase, deleting: false, paused: false, ...more },
});

describe('phase and state of a Machine', () => {
  it('is Terminating while it is deleted, whatever else is known', () => {
    expect(phaseOf({ kind: 'deleting' }, 'first')).to.deep.equal({ phase: 'Terminating', state: 'Terminating' });
  });

  it('stays what it was while its cluster does not answer', () => expect(phaseOf({ kind: 'unreachable' }, 'first')).to.equal(undefined));

  it('is Creating/Pending before there is a virtual machine, and Pending while it waits for a place', () => {
    expect(phaseOf({ kind: 'creating' }, 'first')).to.deep.equal({ phase: 'Creating', state: 'Pending' });
    expect(phaseOf({ kind: 'waiting-for-placement' }, 'first')).to.deep.equal({ phase: 'Pending', state: 'Pending' });
  });

  const firstRows: readonly (readonly [string, Partial<RemoteFacts>, string])[] = [
    ['Running instance that is deleted', vmi('Running', { deleting: true, paused: true }), 'Stopping/Stopping'],
    ['Running instance that is paused', vmi('Running', { paused: true }), 'Running/Paused'],
    ['Running instance', vmi('Running'), 'Running/Running'],
    ['Pending instance', vmi('Pending'), 'Pending/Pending'],
    ['Scheduling instance', vmi('Scheduling'), 'Scheduling/Scheduling'],
    ['Scheduled instance', vmi('Scheduled'), 'Scheduled/Scheduled'],
    ['Succeeded instance', vmi('Succeeded'), 'Succeeded/Succeeded'],
    ['Failed instance', vmi('Failed'), 'Failed/Failed'],
    ['instance that has no phase yet', vmi(''), 'Pending/Pending'],
    ['instance in a phase of the future', vmi('WaitingForSync'), 'Unknown/Unknown'],
    ['ready machine without instance', { ready: true }, 'Running/Running'],
    ['Stopped machine', { printableStatus: 'Stopped' }, 'Stopped/Stopped'],
    ['Stopping machine', { printableStatus: 'Stopping' }, 'Stopping/Stopping'],
    ['Terminating machine', { printableStatus: 'Terminating' }, 'Stopping/Terminating'],
    ...['CrashLoopBackOff', 'ErrImagePull', 'ImagePullBackOff', 'ErrorPvcNotFound', 'DataVolumeError'].map(
      (word) => [`${word} machine`, { printableStatus: word }, `Failed/${word}`] as const,
    ),
    ['Provisioning machine', { printableStatus: 'Provisioning' }, 'Pending/Provisioning'],
    ['machine without a word', {}, 'Pending/Pending'],
  ];
  for (const [what, facts, expected] of firstRows) {
    it(`shows a ${what} as ${expected} in the first profile`, () => expect(known(facts)).to.equal(expected));
  }

  const secondRows: readonly (readonly [string, Partial<RemoteFacts>, string])[] = [
    ['Running instance', { ...vmi('Running'), printableStatus: 'Paused' }, 'Running/Running'],
    ['Running machine', { printableStatus: 'Running' }, 'Running/Running'],
    ['Stopped machine', { printableStatus: 'Stopped' }, 'Succeeded/Stopped'],
    ['Terminating machine', { printableStatus: 'Terminating' }, 'Succeeded/Terminating'],
    ['machine whose claim is missing', { printableStatus: 'ErrorPvcNotFound' }, 'Failed/ErrorPvcNotFound'],
    ['machine in a state of the future', { printableStatus: 'Levitating' }, 'Pending/Levitating'],
    ['machine without a word', {}, 'Pending/'],
  ];
  for (const [what, facts, expected] of secondRows) {
    it(`shows a ${what} as ${expected} in the second profile`, () => expect(known(facts, 'second')).to.equal(expected));
  }
});

describe('why a virtual machine does not run', () => {
  const event = (more: Partial<RemoteEvent>): RemoteEvent => ({
    type: 'Warning',
    reason: 'FailedMount',
    message: 'no volume',
    lastTimestamp: '2026-01-02T03:05:06Z',
    involvedObject: { kind: 'VirtualMachineInstance', namespace: 'team-a', name: 'vm-web', uid: 'vmi-uid' },
    ...more,
  });

  it('tells the problems of an instance that starts, oldest first and each once', () => {
    const later = event({ reason: 'SyncFailed', type: 'Normal', message: 'x', lastTimestamp: '2026-01-02T03:06:00Z' });
    expect(eventProblem(aRemoteVm(), aRemoteVmi('Scheduling'), [later, event({}), event({})])).to.deep.equal({
      reason: 'VMIError',
      text: 'VM startup failed - 2 error(s) found: [03:05:06] FailedMount: no volume; [03:06:00] SyncFailed: x',
    });
  });

  it('tells the problems of a virtual machine without instance', () => {
    const about = { kind: 'VirtualMachine', namespace: 'team-a', name: 'vm-web', uid: 'vm-uid' };
    expect(eventProblem(aRemoteVm(), undefined, [event({ involvedObject: about, lastTimestamp: null })])).to.deep.equal({
      reason: 'VMError',
      text: 'VM creation failed - 1 error(s) found: [unknown] FailedMount: no volume',
    });
  });

  it('says nothing of a running instance, of what is no problem, and of another object of the name', () => {
    expect(eventProblem(aRemoteVm(), aRemoteVmi('Running'), [event({})])).to.equal(undefined);
    const harmless = event({ type: 'Normal', reason: 'Created', message: 'pod' });
    const predecessor = event({ involvedObject: { kind: 'VirtualMachineInstance', name: 'vm-web', uid: 'old' } });
    const early = event({ lastTimestamp: '2026-01-02T03:03:59Z' });
    expect(eventProblem(aRemoteVm(), aRemoteVmi('Pending'), [harmless, predecessor, early])).to.equal(undefined);
  });

  it('cuts a text at 500 bytes between characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 700 }), (text) => {
        const cut = shortened(text);
        expect(Buffer.byteLength(cut)).to.be.at.most(500);
        if (Buffer.byteLength(text) <= 500) expect(cut).to.equal(text);
        else expect(text.startsWith(cut.slice(0, -3)) && cut.endsWith('...')).to.equal(true);
      }),
    );
    expect(shortened('a'.repeat(501))).to.equal(`${'a'.repeat(497)}...`);
  });
});

describe('what a running guest tells', () => {
  const running = aRemoteVmi('Running', {
    spec: { domain: { devices: { disks: [{ name: 'root', disk: { bus: 'virtio' } }] } } },
    status: {
      interfaces: [
        {
          name: 'default',
          mac: '02:12:00:00:00:01',
          ipAddresses: ['10.0.0.5', 'fd00::5', 'nonsense'],
          linkState: 'up',
          infoSource: 'domain',
          mtu: 1500,
        },
        { mac: '02:12:00:00:00:02', ipAddress: '8.8.4.4' },
        { name: 'lo', mac: '00:00:00:00:00:00', ipAddress: '127.0.0.1' },
        { name: 'idle', mac: '02:12:00:00:00:03' },
      ],
      volumeStatus: [
        {
          name: 'root',
          target: 'vda',
          persistentVolumeClaimInfo: {
            claimName: 'vm-web-root-pvc',
            volumeMode: 'Block',
            accessModes: ['ReadWriteOnce'],
            capacity: { storage: '10Gi' },
          },
        },
        { name: 'cloudinitdisk', target: 'vdb' },
      ],
    },
  });

  it('lists interfaces that have a MAC and an address', () => {
    expect(interfaceStatuses(running, 'first')).to.deep.equal([
      {
        name: 'default',
        macAddress: '02:12:00:00:00:01',
        ipAddresses: ['10.0.0.5'],
        ipv6Addresses: ['fd00::5'],
        state: 'up',
        type: 'domain',
        mtu: 1500,
      },
      { name: '', macAddress: '02:12:00:00:00:02', ipAddresses: ['8.8.4.4'], ipv6Addresses: [] },
    ]);
    expect(interfaceStatuses(running, 'second')[0]?.ipAddresses).to.deep.equal(['10.0.0.5', 'fd00::5']);
  });

  it('keeps name and MAC of interfaces when the guest is gone', () => {
    expect(interfacesDown([{ name: 'default', macAddress: 'm', ipAddresses: ['10.0.0.5'], mtu: 1 }])).to.deep.equal([
      { name: 'default', macAddress: 'm', state: 'down' },
    ]);
  });

  it('tells private from public addresses by range in the first profile and by name in the second', () => {
    expect(addressLists({ vmi: running, profile: 'first', configuration: undefined })).to.deep.equal({
      ipAddresses: ['10.0.0.5', '8.8.4.4', '127.0.0.1'],
      ipv6Addresses: ['fd00::5'],
      privateIPAddresses: ['10.0.0.5', '127.0.0.1', 'fd00::5'],
      publicIPAddresses: ['8.8.4.4'],
    });
    expect(addressLists({ vmi: running, profile: 'second', configuration: undefined })).to.deep.include({
      privateIPAddresses: ['8.8.4.4'],
      publicIPAddresses: ['10.0.0.5', '127.0.0.1', 'fd00::5'],
    });
  });

  it('takes public addresses from the network configuration when told so', () => {
    const configuration = {
      spec: { name: 'web' },
      status: { networkInterfaces: [{ ipv6Addresses: ['2001:db8::1'], ipv4Addresses: ['198.51.100.7/24'] }] },
    };
    expect(addressLists({ vmi: running, profile: 'first', configuration })).to.deep.equal({
      ipAddresses: ['10.0.0.5', '127.0.0.1', '198.51.100.7'],
      ipv6Addresses: ['fd00::5', '2001:db8::1'],
      privateIPAddresses: ['10.0.0.5', '127.0.0.1', 'fd00::5'],
      publicIPAddresses: ['198.51.100.7', '2001:db8::1'],
    });
    expect(addressLists({ vmi: running, profile: 'first', configuration: 'absent' }).publicIPAddresses).to.deep.equal([]);
  });

  it('lists disks that stand on a claim, in bytes', () => {
    expect(instanceDisks(running)).to.deep.equal([
      {
        name: 'root',
        type: 'virtio',
        device: '/dev/vda',
        pvcName: 'vm-web-root-pvc',
        volumeMode: 'Block',
        accessModes: ['ReadWriteOnce'],
        size: 10_737_418_240,
      },
    ]);
  });

  for (const [address, expected] of [
    ['172.31.255.255', true],
    ['172.32.0.0', false],
    ['100.64.0.1', true],
    ['100.128.0.1', false],
    ['169.254.1.1', true],
    ['fe80::1', true],
    ['fd12::1', true],
    ['2001:db8::1', false],
    ['::1', true],
  ] as const) {
    it(`calls ${address} ${expected ? 'private' : 'public'}`, () => expect(isPrivate(address)).to.equal(expected));
  }
});
