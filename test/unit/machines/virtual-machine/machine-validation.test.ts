import { expect } from 'chai';
import fc from 'fast-check';
import {
  base64Problem,
  DENIED_NAMESPACES,
  reservedNamespaceProblem,
  specProblems,
} from '../../../../src/machines/virtual-machine/machine-validation';
import { aMachine } from '../builders';

describe('validation of a Machine', () => {
  it('accepts an empty Machine', () => expect(specProblems(aMachine())).to.equal(undefined));

  it('tells all problems in one line', () => {
    const machine = aMachine({
      spec: {
        memory: 1000,
        disks: [
          { name: 'a', boot: true },
          { name: 'a', sizeGB: 1, boot: true },
          { name: 'Bad_Name', sizeGB: 1 },
          { name: 'cdrom-iso', sizeGB: 1 },
        ],
      },
    });
    expect(specProblems(machine)).to.equal(
      [
        'disks[0] "a": sizeGB is required',
        'disks[1]: duplicate name "a"',
        'disks[2]: name "Bad_Name" must be a DNS label of at most 63 characters',
        'disks[3]: name "cdrom-iso" is reserved',
        'disks: more than one boot disk (a, a)',
        'memory: 1000 bytes is less than 1 MiB',
      ].join('; '),
    );
  });

  it('refuses a named disk that an unnamed one is called', () => {
    const disks = [{ sizeGB: 1 }, { sizeGB: 1 }, { name: 'disk1', sizeGB: 1 }];
    expect(specProblems(aMachine({ spec: { disks } }))).to.equal('disks[2]: duplicate name "disk1"');
  });

  it('names annotation, value and what is allowed', () => {
    const annotations = { 'kubevirt.io/boot-source-type': 'ftp' };
    expect(specProblems(aMachine({ annotations }))).to.equal(
      'annotation kubevirt.io/boot-source-type: "ftp" must be one of http, https, registry',
    );
  });

  it('names the field that is no base64, and nothing of its content', () => {
    const problem = specProblems(aMachine({ spec: { cloudInit: { userDataBase64: 'c2VjcmV0!!' } } }));
    expect(problem).to.equal('cloudInit: decode userDataBase64: illegal base64 data at input byte 8');
  });

  it('accepts exactly what an encoder makes, white space aside', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(base64Problem(Buffer.from(bytes).toString('base64'))).to.equal(undefined);
      }),
    );
    expect(base64Problem('YWJj\nZGVm')).to.equal(undefined);
    for (const bad of ['YWJ', 'Y===', 'YW=j', '=']) expect(base64Problem(bad), bad).to.not.equal(undefined);
  });

  it('reserves namespaces by name and by beginning', () => {
    expect(reservedNamespaceProblem('kube-system', DENIED_NAMESPACES)).to.equal('namespace kube-system is reserved on remote clusters');
    expect(reservedNamespaceProblem('openshift-console', DENIED_NAMESPACES)).to.be.a('string');
    expect(reservedNamespaceProblem('virt', DENIED_NAMESPACES, 'virt')).to.be.a('string');
    expect(reservedNamespaceProblem('team-a', DENIED_NAMESPACES, 'virt')).to.equal(undefined);
  });
});
