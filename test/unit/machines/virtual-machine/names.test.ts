import { expect } from 'chai';
import fc from 'fast-check';
import {
  cloudInitSecretName,
  derivedName,
  isoName,
  sourceMachineLabel,
  virtualMachineName,
} from '../../../../src/machines/virtual-machine/names';

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const anyName = fc
  .string({ minLength: 1, maxLength: 253, unit: fc.constantFrom(...'abcxyz0189.-') })
  .filter((text) => /[a-z0-9]/.test(text));

describe('names of remote objects', () => {
  it('names the virtual machine of team-a/web vm-web', () => {
    expect(virtualMachineName('vm-', { namespace: 'team-a', machine: 'web' })).to.equal('vm-web');
  });

  it('names the virtual machine of team-a/db.prod vm-db-prod-1a902854', () => {
    expect(virtualMachineName('vm-', { namespace: 'team-a', machine: 'db.prod' })).to.equal('vm-db-prod-1a902854');
  });

  it('takes the hashed form when it is asked for', () => {
    expect(virtualMachineName('vm-', { namespace: 'team-a', machine: 'web' }, { hashed: true })).to.match(/^vm-web-[0-9a-f]{8}$/);
  });

  it('keeps a plain source-machine label and shortens a long one', () => {
    expect(sourceMachineLabel('team-a', 'web')).to.equal('web');
    expect(sourceMachineLabel('team-a', 'w'.repeat(64))).to.match(/^w{54}-[0-9a-f]{8}$/);
  });

  it('gives a cloud-init Secret another name for other content and for another Machine', () => {
    const names = [
      cloudInitSecretName('vm-web', 'uid-1', 'a'),
      cloudInitSecretName('vm-web', 'uid-1', 'b'),
      cloudInitSecretName('vm-web', 'uid-2', 'a'),
    ];
    expect(new Set(names).size).to.equal(3);
    for (const name of names) expect(name).to.match(/^vm-web-cloud-init-[0-9a-f]{10}$/);
  });

  it('makes a DNS label of at most 63 characters of every name, prefix and disk', () => {
    fc.assert(
      fc.property(anyName, anyName, fc.constantFrom('', 'vm-', 'x-y-'), fc.boolean(), (namespace, machine, prefix, hashed) => {
        const vm = virtualMachineName(prefix, { namespace, machine }, { hashed });
        expect(vm).to.match(LABEL);
        expect(isoName(vm, { namespace, machine })).to.match(LABEL);
        expect(sourceMachineLabel(namespace, machine)).to.match(LABEL);
        expect(cloudInitSecretName(vm, 'uid', machine)).to.match(LABEL);
        expect(derivedName(`${vm}-data-pvc`, { namespace, machine, disk: 'data' })).to.match(LABEL);
      }),
    );
  });

  it('never gives two Machines of one namespace the same name', () => {
    fc.assert(
      fc.property(anyName, anyName, (a, b) => {
        fc.pre(a !== b);
        const name = (machine: string): string => virtualMachineName('vm-', { namespace: 'team-a', machine });
        expect(name(a)).to.not.equal(name(b));
      }),
    );
  });

  it('is a fixed point for names that are valid already', () => {
    fc.assert(
      fc.property(anyName, (machine) => {
        const once = derivedName(machine, { namespace: 'n', machine });
        expect(derivedName(once, { namespace: 'n', machine })).to.equal(once);
      }),
    );
  });
});
