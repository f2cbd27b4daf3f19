import { expect } from 'chai';
import type { KubernetesObject } from '../../../../src/framework';
import { type ManagedFieldsEntry, ownershipChange, pathsToLetGo, rivalOf, standingOf } from '../../../../src/platform/baseline/ownership';
import { MANAGED_BY_LABEL } from '../../../../src/platform/keys';

const entry = (manager: string, fieldsV1: object, change: Partial<ManagedFieldsEntry> = {}): ManagedFieldsEntry => ({
  ...{ manager, operation: 'Apply', apiVersion: 'v1', time: '2026-01-01T00:00:00Z', fieldsType: 'FieldsV1' },
  fieldsV1: fieldsV1 as never,
  ...change,
});
const live = (entries: readonly ManagedFieldsEntry[], label?: string): KubernetesObject => ({
  metadata: { name: 'a', managedFields: [...entries], ...(label === undefined ? {} : { labels: { [MANAGED_BY_LABEL]: label } }) },
});
const spec = (...names: string[]): object => ({ 'f:spec': Object.fromEntries(names.map((name) => [`f:${name}`, {}])) });

describe('whose object it is', () => {
  const TABLE: readonly (readonly [string, KubernetesObject, string])[] = [
    ['nobody says anything', live([]), 'free'],
    ['somebody else wrote it', live([entry('kubectl', spec('a'))]), 'free'],
    ['our label', live([], 'virt-steward'), 'ours'],
    ['the label of an older operator', live([], 'virt-platform-operator'), 'ours'],
    ['the label of another manager', live([], 'other'), 'foreign'],
    ['the label of another manager on an object that we wrote', live([entry('virt-steward', spec('a'))], 'other'), 'ours'],
    ['the label of another manager on an object that we only paused', live([entry('virt-steward-pause', {})], 'other'), 'foreign'],
  ];
  for (const [what, object, expected] of TABLE) it(`is ${expected} with ${what}`, () => expect(standingOf(object)).to.equal(expected));
});

describe('a change of ownership', () => {
  it('is none while there is nothing to give up or to take over', () => {
    expect(ownershipChange(live([entry('virt-steward', spec('a')), entry('kubectl', spec('b'))]), [['spec', 'b']])).to.equal(undefined);
    expect(ownershipChange(live([entry('kubectl', spec('b'))]), [['spec', 'b']])).to.equal(undefined);
  });

  it('takes a field and everything below it out of our entry, and touches no other', () => {
    const other = entry('kubectl', spec('a', 'b'));
    const own = entry('virt-steward', { 'f:spec': { 'f:a': { '.': {}, 'f:x': {} }, 'f:b': {} } });
    const change = ownershipChange(live([other, own]), [['spec', 'a']])!;

    expect(change.entries).to.deep.equal([other, { ...own, fieldsV1: spec('b') }]);
    expect(change.released).to.deep.equal(['/spec/a']);
    expect(change.migrated).to.deep.equal([]);
  });

  it('gives up everything where the fields were written in another version of the API, in which they have other names', () => {
    const other = entry('kubectl', spec('a'));
    const written = { ...live([other, entry('virt-steward', spec('a', 'b'))]), apiVersion: 'v2' };
    const change = ownershipChange(written, [['spec', 'deeper', 'a']])!;

    expect(change.entries).to.deep.equal([other]);
    expect(change.released).to.deep.equal(['everything that was written as v1']);
    expect(ownershipChange(written, []), 'the API server translates it').to.equal(undefined);
  });

  it('gives up everything that an older operator wrote in another version of the API, if something of it is to be given up', () => {
    const written = { ...live([entry('virt-platform-autopilot', spec('a'))]), apiVersion: 'v2' };

    expect(ownershipChange(written, [['spec', 'deeper', 'a']])).to.deep.include({ entries: [{}], migrated: ['virt-platform-autopilot'] });
    expect(ownershipChange(written, [])!.entries).to.have.deep.nested.property('[0].fieldsV1', spec('a'));
  });

  it('takes control annotations out, wherever they came from, but not our own statement', () => {
    const annotations = { 'f:platform.kubevirt.io/patch': {}, 'f:platform.kubevirt.io/version': {}, 'f:other': {} };
    const change = ownershipChange(live([entry('virt-steward', { 'f:metadata': { 'f:annotations': annotations } })]), [])!;

    expect(change.entries[0]!.fieldsV1).to.deep.equal({
      'f:metadata': { 'f:annotations': { 'f:platform.kubevirt.io/version': {}, 'f:other': {} } },
    });
  });

  it('unites what older operators applied and updated, and leaves their status and their finalizers', () => {
    const status = entry('virt-platform-operator', { 'f:status': {} }, { subresource: 'status', operation: 'Update' });
    const change = ownershipChange(
      live([
        entry('virt-platform-operator', spec('a')),
        entry(
          'virt-platform-autopilot',
          { ...spec('b'), 'f:metadata': { 'f:finalizers': { '.': {}, 'v:"x"': {} }, 'f:labels': { 'f:l': {} } } },
          { operation: 'Update' },
        ),
        entry('virt-steward', spec('c')),
        status,
      ]),
      [['spec', 'b']],
    )!;

    expect(change.migrated).to.deep.equal(['virt-platform-operator', 'virt-platform-autopilot']);
    expect(change.entries).to.deep.equal([
      status,
      entry('virt-steward', { ...spec('c', 'a'), 'f:metadata': { 'f:labels': { 'f:l': {} } } }),
    ]);
  });

  it('drops fields of another version of the API instead of mistaking them', () => {
    const change = ownershipChange(
      live([entry('virt-platform-operator', spec('old'), { apiVersion: 'v1beta1' }), entry('virt-steward', spec('a'))]),
      [],
    )!;
    expect(change.entries).to.deep.equal([entry('virt-steward', spec('a'))]);
  });

  it('that leaves no field of anybody says so in the one way that the API server takes', () => {
    expect(ownershipChange(live([entry('virt-steward', spec('a'))]), [['spec', 'a']])!.entries).to.deep.equal([{}]);
  });

  it('lets parents go that the desired object does not have any more', () => {
    const desired = { spec: { deep: { kept: 1 } } };
    const left = [
      ['spec', 'deep', 'gone'],
      ['spec', 'other', 'one'],
      ['spec', 'other', 'two'],
      ['data', 'x', 'y'],
    ];

    expect(pathsToLetGo(desired, left)).to.deep.equal([['spec', 'deep', 'gone'], ['spec', 'other'], ['data']]);
  });
});

describe('the other writer', () => {
  const difference = [{ path: ['spec', 'a'], live: 1, desired: 2 }];
  const own = entry('virt-steward', spec('b'), { time: '2026-01-01T00:00:05Z' });

  it('is the one who owns what differs, the newest of several', () => {
    const rivals = [
      entry('first', spec('a')),
      entry('second', spec('a'), { time: '2026-01-02T00:00:00Z', operation: 'Update' }),
      entry('third', spec('c'), { time: '2026-01-03T00:00:00Z' }),
    ];
    expect(rivalOf(live([own, ...rivals]), difference)).to.deep.equal({ manager: 'second', operation: 'Update' });
  });

  it('is the last one who wrote, when nobody owns what was removed', () => {
    expect(rivalOf(live([own, entry('other', spec('c'), { time: '2026-01-01T00:00:06Z' })]), difference)).to.deep.equal({
      manager: 'other',
      operation: 'Apply',
    });
    expect(rivalOf(live([own, entry('other', spec('c'))]), difference)).to.equal(undefined);
  });

  it('is never ourselves, our pause, an older operator, or somebody who writes the status', () => {
    const time = '2026-02-01T00:00:00Z';
    const entries = [
      entry('virt-steward-pause', spec('a'), { time }),
      entry('virt-platform-autopilot', spec('a'), { time }),
      entry('controller', spec('a'), { time, subresource: 'status' }),
    ];
    expect(rivalOf(live([own, ...entries]), difference)).to.equal(undefined);
  });
});
