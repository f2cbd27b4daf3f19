import { expect } from 'chai';
import type { KubernetesObject } from '../../../../src/framework';
import { MANAGED_BY_LABEL } from '../../../../src/platform/keys';
import { idOf, type KnownKey, type OrphanInput, orphansOf, orphansToDelete } from '../../../../src/platform/removal/orphans';

const anObject = (
  name: string,
  more: { kind?: string; apiVersion?: string; label?: string; annotations?: Record<string, string> } = {},
): KubernetesObject => ({
  ...{ apiVersion: more.apiVersion ?? 'apps/v1', kind: more.kind ?? 'DaemonSet' },
  metadata: { name, namespace: 'ns', labels: { [MANAGED_BY_LABEL]: more.label ?? 'virt-steward' }, annotations: more.annotations ?? {} },
});
const aKey = (position: number, wanted: KnownKey['wanted'], name?: string, more: Partial<KnownKey> = {}): KnownKey => ({
  ...{ position, wanted, group: 'apps', kind: 'DaemonSet', onUnwanted: 'keep', isCreated: true },
  identity: name === undefined ? undefined : { group: 'apps', kind: 'DaemonSet', namespace: 'ns', name },
  ...more,
});
const find = (input: Partial<OrphanInput>) =>
  orphansOf({ labelled: [], keys: [], isExcluded: () => false, isTombstone: () => false, ...input });
const names = (input: Partial<OrphanInput>): string[] => find(input).map(({ identity }) => identity.name);

describe('orphans', () => {
  const labelled = [anObject('a')];
  const TABLE: readonly (readonly [string, Partial<OrphanInput>, boolean])[] = [
    ['that a wanted key renders', { labelled, keys: [aKey(1, 'yes', 'a')] }, false],
    ['whose key is switched off', { labelled, keys: [aKey(1, 'no', 'a')] }, true],
    ['of whose key nobody can tell', { labelled, keys: [aKey(1, 'unknown', 'a')] }, false],
    ['that no key renders', { labelled, keys: [aKey(1, 'yes', 'b')] }, true],
    ['that a key of its kind may be about to render', { labelled, keys: [aKey(1, 'yes')] }, false],
    ['that only an unwanted key of its kind could have rendered', { labelled, keys: [aKey(1, 'no')] }, true],
    ['that two keys render, of which one is wanted', { labelled, keys: [aKey(1, 'no', 'a'), aKey(2, 'yes', 'a')] }, false],
    ['of an older operator', { labelled: [anObject('a', { label: 'virt-platform-autopilot' })] }, true],
    ['of somebody else', { labelled: [anObject('a', { label: 'somebody' })] }, false],
    ['that is unmanaged', { labelled: [anObject('a', { annotations: { 'platform.kubevirt.io/mode': 'unmanaged' } })] }, false],
    ['that is excluded', { labelled, isExcluded: ({ name }) => name === 'a' }, false],
    ['that a tombstone looks after', { labelled, isTombstone: ({ name }) => name === 'a' }, false],
    ['that somebody else created', { labelled, keys: [aKey(1, 'no', 'a', { isCreated: false })] }, false],
    ['that is a namespace', { labelled: [anObject('a', { apiVersion: 'v1', kind: 'Namespace' })] }, false],
    ['that is an anchor', { labelled: [anObject('a', { apiVersion: 'hco.kubevirt.io/v1beta1', kind: 'HyperConverged' })] }, false],
    ['of another group with the same kind', { labelled: [anObject('a', { apiVersion: 'other/v1' })], keys: [aKey(1, 'yes', 'a')] }, true],
  ];
  for (const [what, input, expected] of TABLE) {
    it(`${expected ? 'are' : 'are not'} objects ${what}`, () => expect(names(input)).to.deep.equal(expected ? ['a'] : []));
  }

  it('come in the order of deletion: what the catalog dropped, then the last of the catalog first', () => {
    const objects = ['a', 'b', 'c', 'dropped'].map((name) => anObject(name));
    const keys = [aKey(1, 'no', 'a'), aKey(3, 'no', 'c'), aKey(2, 'no', 'b')];

    expect(names({ labelled: objects, keys })).to.deep.equal(['dropped', 'c', 'b', 'a']);
  });

  it('are deleted under the policy delete, or when their asset says so and the module works', () => {
    const keys = [aKey(1, 'no', 'a'), aKey(2, 'no', 'b', { onUnwanted: 'delete' })];
    const orphans = find({ labelled: [anObject('a'), anObject('b')], keys });
    const chosen = (policy: 'keep' | 'delete', isActive: boolean): string[] =>
      orphansToDelete({ orphans, policy, isActive }).map(({ identity }) => identity.name);

    expect(chosen('keep', true)).to.deep.equal(['b']);
    expect(chosen('keep', false)).to.deep.equal([]);
    expect(chosen('delete', true)).to.deep.equal(['b', 'a']);
    expect(chosen('delete', false)).to.deep.equal(['b', 'a']);
  });

  it('are named by group, kind, namespace and name', () => {
    expect(idOf({ group: '', kind: 'ConfigMap', namespace: '', name: 'x' })).to.equal('/ConfigMap//x');
  });
});
