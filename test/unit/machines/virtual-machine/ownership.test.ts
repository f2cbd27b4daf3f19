import { expect } from 'chai';
import fc from 'fast-check';
import type { KubernetesObject } from '../../../../src/framework';
import { adoptionPatch, instanceLabelPatch } from '../../../../src/machines/virtual-machine/adoption';
import {
  isDeletable,
  marksOf,
  notOwnedText,
  type OwnershipClass,
  ownershipOf,
  verdictOf,
} from '../../../../src/machines/virtual-machine/ownership';
import { aMarked, aRemoteVm, OWNER } from '../builders';

const own = marksOf(OWNER);
const rows: readonly (readonly [string, KubernetesObject, OwnershipClass])[] = [
  ['all our marks', aMarked(own.labels, own.annotations), 'Own'],
  ['our annotations and labels that somebody took away', aMarked({}, own.annotations), 'Own'],
  ['labels of the older operator that name the Machine', aMarked({ 'managed-by': 'kubevirt-operator', 'source-machine': 'web' }), 'Legacy'],
  ['the long form of its labels', aMarked({ 'vitistack.io/managed-by': 'virt-steward', 'vitistack.io/source-machine': 'web' }), 'Legacy'],
  [
    'marks of an earlier Machine of the name',
    aMarked(own.labels, { ...own.annotations, 'vitistack.io/machine-uid': 'uid-0' }),
    'Predecessor',
  ],
  ['no marks at all', aMarked({ app: 'shop' }), 'Unmarked'],
  ['marks of another Machine', aMarked(own.labels, { ...own.annotations, 'vitistack.io/machine-name': 'db' }), 'Sibling'],
  ['marks of another supervisor', aMarked(own.labels, { ...own.annotations, 'vitistack.io/supervisor-id': 'sup-2' }), 'Foreign'],
  ['half of the annotations', aMarked({}, { 'vitistack.io/supervisor-id': 'sup-1' }), 'Foreign'],
  ['the labels of another manager', aMarked({ 'managed-by': 'helm', 'source-machine': 'web' }), 'Foreign'],
  ['the labels of another Machine', aMarked({ 'managed-by': 'kubevirt-operator', 'source-machine': 'db' }), 'Foreign'],
  ['only the manager', aMarked({ 'managed-by': 'kubevirt-operator' }), 'Foreign'],
  ['only the label of a supervisor', aMarked({ 'vitistack.io/supervisor-id': 'sup-1' }), 'Foreign'],
];

describe('ownership of remote objects', () => {
  for (const [what, object, expected] of rows) {
    it(`calls an object with ${what} ${expected}`, () => expect(ownershipOf(object, OWNER)).to.equal(expected));
  }

  it('deletes Own and Legacy only', () => {
    const all: OwnershipClass[] = ['Own', 'Legacy', 'Predecessor', 'Unmarked', 'Sibling', 'Foreign'];
    expect(all.filter(isDeletable)).to.deep.equal(['Own', 'Legacy']);
  });

  it('adopts an unmarked object and a predecessor only with permission, and nothing foreign ever', () => {
    expect(verdictOf('Unmarked', false)).to.equal('refuse');
    expect(verdictOf('Unmarked', true)).to.equal('adopt');
    expect(verdictOf('Predecessor', false)).to.equal('refuse');
    expect(verdictOf('Predecessor', true)).to.equal('adopt');
    expect(verdictOf('Foreign', true)).to.equal('refuse');
    expect(verdictOf('Sibling', true)).to.equal('leave');
    expect(verdictOf('Legacy', false)).to.equal('adopt');
  });

  it('never calls an object of another supervisor or Machine deletable, whatever else it carries', () => {
    const text = fc.constantFrom(
      'virt-steward',
      'kubevirt-operator',
      'helm',
      'web',
      'db',
      'sup-1',
      'sup-2',
      'uid-1',
      'uid-2',
      'team-a',
      'team-b',
    );
    const dictionary = (keys: string[]): fc.Arbitrary<Record<string, string>> =>
      fc.dictionary(fc.constantFrom(...keys), text, { maxKeys: keys.length });
    fc.assert(
      fc.property(dictionary(Object.keys(own.labels)), dictionary(Object.keys(own.annotations)), (labels, annotations) => {
        const ownership = ownershipOf(aMarked(labels, annotations), OWNER);
        if (!isDeletable(ownership)) return;
        const isOwn = Object.entries(own.annotations).every(([key, value]) => annotations[key] === value);
        expect(isOwn || Object.keys(annotations).length === 0).to.equal(true);
      }),
    );
  });

  it('says whose a refused object is, and how to adopt one that may be', () => {
    const what = 'VirtualMachine team-a/vm-web on cluster east';
    expect(notOwnedText(what, aMarked(), 'Unmarked')).to.equal(
      'VirtualMachine team-a/vm-web on cluster east exists and is not managed by this Machine (no owner marks). To adopt it set annotation vitistack.io/adopt: "true"',
    );
    const foreign = aMarked({ 'managed-by': 'helm' }, { ...own.annotations, 'vitistack.io/supervisor-id': 'sup-2' });
    expect(notOwnedText(what, foreign, 'Foreign')).to.equal(
      'VirtualMachine team-a/vm-web on cluster east exists and is not managed by this Machine (owned by helm sup-2 team-a/web)',
    );
  });
});

describe('adoption', () => {
  it('adds marks to object and template, notes the spec, and takes an owner of another cluster off', () => {
    const vm = aRemoteVm({
      metadata: {
        labels: { app: 'shop' },
        ownerReferences: [
          { apiVersion: 'vitistack.io/v1alpha1', kind: 'Machine', name: 'web', uid: 'x' },
          { apiVersion: 'v1', kind: 'ConfigMap', name: 'kept', uid: 'y' },
        ],
      },
      spec: { running: true, template: { spec: {} } },
    });

    const patch = adoptionPatch(vm, OWNER, 'hash');

    expect(patch[0]).to.deep.equal({ op: 'test', path: '/metadata/resourceVersion', value: '7' });
    expect(patch).to.deep.include({ op: 'add', path: '/metadata/labels/vitistack.io~1supervisor-id', value: 'sup-1' });
    expect(patch).to.deep.include({
      op: 'add',
      path: '/metadata/annotations',
      value: { ...own.annotations, 'vitistack.io/adopted': 'true', 'vitistack.io/spec-hash': 'hash' },
    });
    expect(patch).to.deep.include({ op: 'add', path: '/spec/template/metadata', value: { labels: own.labels } });
    expect(patch).to.deep.include({
      op: 'replace',
      path: '/metadata/ownerReferences',
      value: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'kept', uid: 'y' }],
    });
    expect(patch).to.have.length(1 + Object.keys(own.labels).length + 1 + 1 + 1);
  });

  it('labels a running instance once', () => {
    const vmi = aMarked({ app: 'shop' });
    expect(instanceLabelPatch(vmi, 'sup-1')).to.have.length(2);
    expect(instanceLabelPatch(aMarked({ 'vitistack.io/supervisor-id': 'sup-1' }), 'sup-1')).to.equal(undefined);
  });
});
