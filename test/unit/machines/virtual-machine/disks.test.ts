import { expect } from 'chai';
import type { MachineDisk } from '../../../../src/api/vitistack/v1alpha1';
import { claimFor, defaultClassOf, resizeOf, storagePlan } from '../../../../src/machines/virtual-machine/claims';
import { claimName, disksOf } from '../../../../src/machines/virtual-machine/disks';
import { aMachine, OWNER } from '../builders';

const plan = (disks: MachineDisk[]): ReturnType<typeof disksOf> => disksOf(aMachine({ spec: { disks } }));
const names = (disks: MachineDisk[], profile: 'first' | 'second'): string[] =>
  plan(disks).map((disk) => claimName(disk, { vm: 'vm-web', namespace: 'team-a', machine: 'web', profile }));
const unset = { storageClassName: '', volumeMode: undefined, accessMode: undefined };

describe('disks of a Machine', () => {
  it('gives a Machine without disks one root disk of 10 GiB', () => {
    expect(disksOf(aMachine())).to.deep.equal([{ name: 'root', bus: 'virtio', isBoot: true, sizeGib: 10, claimSuffix: undefined }]);
  });

  it('names unnamed disks root and disk<i>, and boots from the first one', () => {
    expect(plan([{ sizeGB: 5 }, { sizeGB: 6 }]).map(({ name, isBoot }) => [name, isBoot])).to.deep.equal([
      ['root', true],
      ['disk1', false],
    ]);
  });

  it('boots from the flagged disk only', () => {
    expect(plan([{ name: 'a' }, { name: 'b', boot: true }]).map(({ isBoot }) => isBoot)).to.deep.equal([false, true]);
  });

  it('reads bus types in any case and takes virtio for all others', () => {
    expect(plan([{ type: 'SATA' }, { type: 'scsi' }, { type: 'nvme' }, {}]).map(({ bus }) => bus)).to.deep.equal([
      'sata',
      'scsi',
      'virtio',
      'virtio',
    ]);
  });

  it('names claims of the first profile', () => {
    expect(names([], 'first')).to.deep.equal(['vm-web-root-pvc']);
    expect(names([{ name: 'data' }, {}], 'first')).to.deep.equal(['vm-web-data-pvc', 'vm-web-disk1-pvc']);
  });

  it('names claims of the second profile, the boot disk like the virtual machine', () => {
    expect(names([], 'second')).to.deep.equal(['vm-web']);
    expect(names([{ name: 'data' }, { name: 'os', boot: true }], 'second')).to.deep.equal(['vm-web-data', 'vm-web']);
  });

  it('takes the newest default storage class', () => {
    const storageClass = (name: string, creationTimestamp: string, isDefault = 'true'): object => ({
      metadata: { name, creationTimestamp, annotations: { 'storageclass.kubernetes.io/is-default-class': isDefault } },
    });
    const classes = [
      storageClass('old', '2026-01-01T00:00:00Z'),
      storageClass('new', '2026-02-01T00:00:00Z'),
      storageClass('newest', '2026-03-01T00:00:00Z', 'false'),
    ];
    expect(defaultClassOf(classes)).to.equal('new');
    expect(defaultClassOf([])).to.equal(undefined);
  });

  it('asks for ReadWriteOnce and no mode in the first profile', () => {
    expect(storagePlan('first', 'fast', unset)).to.deep.equal({
      storageClassName: 'fast',
      volumeMode: undefined,
      accessModes: ['ReadWriteOnce'],
    });
  });

  it('follows the advice of CDI for the wanted mode in the second profile', () => {
    const advice = {
      status: {
        claimPropertySets: [
          { volumeMode: 'Filesystem', accessModes: ['ReadWriteMany'] },
          { volumeMode: 'Block', accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] },
        ],
      },
    };
    expect(storagePlan('second', 'fast', unset, advice)).to.deep.include({ volumeMode: 'Block', accessModes: ['ReadWriteOnce'] });
    expect(storagePlan('second', 'fast', unset)).to.deep.include({ accessModes: ['ReadWriteMany'] });
  });

  it('marks the claim of the boot disk', () => {
    const [disk] = plan([{ name: 'os', sizeGB: 7 }]);
    const claim = claimFor(disk!, 'vm-web-os-pvc', OWNER, storagePlan('first', 'fast', unset));
    expect(claim.metadata?.labels).to.include({ 'disk-type': 'boot', 'source-machine': 'web', 'vitistack.io/managed-by': 'virt-steward' });
    expect(claim.metadata?.annotations).to.include({ 'vitistack.io/disk': 'os', 'vitistack.io/machine-uid': 'uid-1' });
    expect(claim.spec).to.deep.equal({
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'fast',
      resources: { requests: { storage: '7Gi' } },
    });
  });

  it('gives no two disks one claim, nor a disk that of the installation medium', () => {
    const nameOf = (profile: 'first' | 'second') => (disk: (typeof disks)[number]) =>
      claimName(disk, { vm: 'vm-web', namespace: 'team-a', machine: 'web', profile });
    const disks = plan([{ sizeGB: 1 }, { name: 'disk0', sizeGB: 2 }, { name: 'iso', sizeGB: 3 }]);
    expect(disks.map(nameOf('first'))).to.deep.equal(['vm-web-disk0-pvc', 'vm-web-disk0-pvc-8e4fbc6a', 'vm-web-iso-pvc']);
    expect(disks.map(nameOf('second'))).to.deep.equal(['vm-web', 'vm-web-disk0-8e4fbc6a', 'vm-web-iso-83046299']);
    expect(plan([{ name: 'disk0', sizeGB: 2 }]).map(nameOf('first'))).to.deep.equal(['vm-web-disk0-pvc']);
  });

  it('grows a claim, never shrinks it, and compares sizes by value', () => {
    const [disk] = plan([{ name: 'os', sizeGB: 7 }]);
    const claim = (storage: string): object => ({ spec: { resources: { requests: { storage } } } });
    expect(resizeOf(disk!, claim('5Gi'))).to.deep.equal({ kind: 'grow', to: '7Gi' });
    expect(resizeOf(disk!, claim('7168Mi'))).to.deep.equal({ kind: 'fits' });
    expect(resizeOf(disk!, claim('9Gi'))).to.deep.equal({ kind: 'shrink', text: 'disk "os" cannot shrink from 9Gi to 7Gi' });
  });
});
