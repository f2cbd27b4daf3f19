import { expect } from 'chai';
import type { DaemonSet, OwnerReference } from '../../../../src/framework';
import { ownershipOf } from '../../../../src/wol/deployment/ownership';
import { aConfig, aDaemonSet } from './builders';

const config = aConfig({ name: 'lab', uid: 'now' });
const written = aDaemonSet(config);
const owner = (overrides: Partial<OwnerReference> = {}): OwnerReference => ({ ...written.metadata!.ownerReferences![0]!, ...overrides });
const withOwners = (...ownerReferences: OwnerReference[]): DaemonSet => ({
  ...written,
  metadata: { ...written.metadata!, ownerReferences },
});

describe('a DaemonSet with the name of ours', () => {
  it('is ours by the UID of its controller, whatever its labels say', () => {
    expect(ownershipOf(written, config)).to.deep.equal({ kind: 'ours' });
    expect(ownershipOf({ ...written, metadata: { ...written.metadata!, labels: {} } }, config)).to.deep.equal({ kind: 'ours' });
  });

  it('may be adopted when nobody controls it and its labels name the config', () => {
    expect(ownershipOf(withOwners(), config)).to.deep.equal({ kind: 'adoptable' });
    expect(ownershipOf(withOwners(owner({ controller: false, uid: 'x', kind: 'Other' })), config)).to.deep.equal({ kind: 'adoptable' });
  });

  it('belongs to an earlier config when that one of the same name controls it', () => {
    expect(ownershipOf(withOwners(owner({ uid: 'before' })), config)).to.deep.equal({ kind: 'orphan' });
  });

  const strangers: readonly (readonly [string, DaemonSet, string])[] = [
    ['another config controls it', withOwners(owner({ uid: 'x', name: 'other' })), 'controlled by WolConfig other'],
    ['something else controls it', withOwners(owner({ uid: 'x', kind: 'App', apiVersion: 'example.org/v1' })), 'controlled by App lab'],
    [
      'a kind of the same name in another group controls it',
      withOwners(owner({ uid: 'x', apiVersion: 'example.org/v1' })),
      'controlled by WolConfig lab',
    ],
    ['nobody controls it and it has other labels', { metadata: { name: 'wol-agent-lab', labels: { app: 'wol-agent' } } }, 'not the labels'],
    [
      'its selector is another one',
      { ...withOwners(), spec: { ...written.spec, selector: { matchLabels: { app: 'wol-agent' } } } },
      'its selector differs',
    ],
  ];
  for (const [what, daemonSet, why] of strangers) {
    it(`is a stranger's when ${what}`, () => {
      const ownership = ownershipOf(daemonSet, config);

      expect(ownership.kind).to.equal('foreign');
      expect((ownership as { why: string }).why).to.contain(why);
    });
  }
});
