import { expect } from 'chai';
import type { MachineSpec } from '../../../../src/api/vitistack/v1alpha1';
import type { ApiProfile } from '../../../../src/machines/profile';
import { type ClassLookup, domainSize, type SizeOutcome, sizeOf } from '../../../../src/machines/virtual-machine/size';
import { aMachine } from '../builders';

const GIB = 1024 ** 3;
const found: ClassLookup = {
  kind: 'found',
  machineClass: { spec: { enabled: true, memory: { quantity: '8Gi' }, cpu: { cores: 4, sockets: 0, threads: 2 } } },
};

function domainOf(spec: MachineSpec, profile: ApiProfile, lookup?: ClassLookup): object {
  const outcome = sizeOf(aMachine({ spec }), profile, lookup);
  if (outcome.kind !== 'size') throw new Error(outcome.text);
  return domainSize(outcome.size);
}

function refusal(outcome: SizeOutcome): string {
  return outcome.kind === 'class-error' ? outcome.text : 'no error';
}

describe('size of a Machine', () => {
  for (const [instanceType, memory, cpu] of [
    ['small', '1Gi', '1'],
    ['medium', '2Gi', '2'],
    ['large', '4Gi', '4'],
  ] as const) {
    it(`asks for ${memory} and ${cpu} for instance type ${instanceType} in the first profile`, () => {
      expect(domainOf({ instanceType }, 'first')).to.deep.equal({ resources: { requests: { memory, cpu } } });
    });
  }

  it('makes an unknown instance type the smallest and names it', () => {
    const outcome = sizeOf(aMachine({ spec: { instanceType: 'gigantic' } }), 'first');
    expect(outcome).to.deep.include({ kind: 'size', unknownType: 'gigantic' });
    expect(domainOf({ instanceType: 'gigantic' }, 'first')).to.deep.equal({ resources: { requests: { memory: '1Gi', cpu: '1' } } });
  });

  for (const instanceType of ['constructor', '__proto__', 'toString']) {
    it(`knows no instance type ${instanceType}`, () => {
      expect(sizeOf(aMachine({ spec: { instanceType } }), 'first')).to.deep.equal({
        kind: 'size',
        size: { memory: '1Gi', cores: 1, sockets: 1, threads: 1, form: 'requests' },
        unknownType: instanceType,
      });
    });
  }

  it('names no instance type when there is none', () => {
    expect(sizeOf(aMachine(), 'first')).to.not.have.property('unknownType');
  });

  it('writes a topology as soon as sockets or threads are given', () => {
    expect(domainOf({ cpu: { cores: 2, sockets: 2 } }, 'first')).to.deep.equal({
      cpu: { cores: 2, sockets: 2, threads: 1 },
      resources: { requests: { memory: '1Gi' } },
    });
  });

  it('rounds spec.memory down to whole mebibytes, and takes 0 for unset', () => {
    expect(domainOf({ memory: 3 * GIB + 5 }, 'first')).to.deep.equal({ resources: { requests: { memory: '3072Mi', cpu: '1' } } });
    expect(domainOf({ memory: 0 }, 'first')).to.deep.equal({ resources: { requests: { memory: '1Gi', cpu: '1' } } });
  });

  it('writes guest memory and a topology in the second profile', () => {
    expect(domainOf({}, 'second')).to.deep.equal({ cpu: { cores: 2, sockets: 1, threads: 1 }, memory: { guest: '2Gi' } });
    expect(domainOf({ machineClass: 'l' }, 'second', found)).to.deep.equal({
      cpu: { cores: 4, sockets: 1, threads: 2 },
      memory: { guest: '8Gi' },
    });
  });

  it('lets a served machine class win over the instance type in the first profile', () => {
    expect(domainOf({ instanceType: 'small', machineClass: 'l' }, 'first', found)).to.deep.include({
      cpu: { cores: 4, sockets: 1, threads: 2 },
    });
  });

  it('ignores a machine class in the first profile when the kind is not served', () => {
    expect(domainOf({ instanceType: 'medium', machineClass: 'l' }, 'first', { kind: 'unserved' })).to.deep.equal({
      resources: { requests: { memory: '2Gi', cpu: '2' } },
    });
  });

  it('says why a machine class cannot be used', () => {
    const spec = { machineClass: 'l' };
    expect(refusal(sizeOf(aMachine({ spec }), 'second', { kind: 'failed', cause: 'not found' }))).to.equal(
      "failed to get MachineClass 'l': not found",
    );
    const disabled: ClassLookup = { kind: 'found', machineClass: { spec: { enabled: false } } };
    expect(refusal(sizeOf(aMachine({ spec }), 'second', disabled))).to.equal("MachineClass 'l' is not enabled");
  });
});
