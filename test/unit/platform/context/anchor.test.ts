import { expect } from 'chai';
import type { KubernetesObject } from '../../../../src/framework';
import { type AnchorInput, chooseAnchor } from '../../../../src/platform/context/anchor';

const ABSENT = { availability: 'absent', synced: false, objects: [] } as const;
const UNKNOWN = { availability: 'unknown', synced: false, objects: [] } as const;
const served = (...objects: KubernetesObject[]) => ({ availability: 'served', synced: true, objects }) as const;

function hco(namespace: string, created = '2026-01-01T00:00:00Z', more: object = {}): KubernetesObject {
  return { kind: 'HyperConverged', metadata: { name: 'kubevirt-hyperconverged', namespace, creationTimestamp: created, ...more } };
}

function kubevirt(namespace: string, name: string, created: string): KubernetesObject {
  return { kind: 'KubeVirt', metadata: { name, namespace, creationTimestamp: created } };
}

function choose(input: Partial<AnchorInput>): ReturnType<typeof chooseAnchor> {
  return chooseAnchor({ hco: ABSENT, kubevirt: ABSENT, operatorNamespace: 'virt-steward-system', ...input });
}

describe('the choice of the anchor', () => {
  it('takes the HyperConverged in whatever namespace it is', () => {
    const object = hco('anywhere');

    expect(choose({ hco: served(object), kubevirt: served(kubevirt('kubevirt', 'kubevirt', '')) })).to.deep.equal({
      kind: 'hco',
      object,
      rivals: [],
    });
  });

  it('does not fall back to a KubeVirt while the kind HyperConverged is served without an object', () => {
    const choice = choose({ hco: served(), kubevirt: served(kubevirt('kubevirt', 'kubevirt', '')) });

    expect(choice).to.deep.equal({ kind: 'none', why: 'HcoAbsent' });
  });

  it('does not take a HyperConverged of another name', () => {
    const other = { ...hco('here'), metadata: { name: 'other', namespace: 'here' } };

    expect(choose({ hco: served(other) })).to.deep.equal({ kind: 'none', why: 'HcoAbsent' });
  });

  it('takes the oldest KubeVirt where HyperConverged is not served, then the first by namespace and name', () => {
    const young = kubevirt('a', 'a', '2026-02-01T00:00:00Z');
    const old = kubevirt('z', 'b', '2026-01-01T00:00:00Z');
    const asOld = kubevirt('z', 'a', '2026-01-01T00:00:00Z');

    expect(choose({ kubevirt: served(young, old, asOld) })).to.deep.equal({ kind: 'kubevirt', object: asOld, rivals: [] });
  });

  it('has none where neither kind is served', () => {
    expect(choose({})).to.deep.equal({ kind: 'none', why: 'NoVirtualization' });
  });

  it('has none where KubeVirt is served without an object', () => {
    expect(choose({ kubevirt: served() })).to.deep.equal({ kind: 'none', why: 'KubeVirtAbsent' });
  });

  it('treats an anchor that is being deleted as absent', () => {
    const object = hco('here', '2026-01-01T00:00:00Z', { deletionTimestamp: '2026-02-01T00:00:00Z' });

    expect(choose({ hco: served(object) })).to.deep.equal({ kind: 'none', why: 'AnchorTerminating', terminating: object });
  });

  it('prefers among several the one in the namespace of the operator and names them all', () => {
    const older = hco('a', '2025-01-01T00:00:00Z');
    const own = hco('virt-steward-system');

    expect(choose({ hco: served(older, own) })).to.deep.equal({ kind: 'hco', object: own, rivals: [own, older] });
  });

  it('takes the oldest of several that are all elsewhere', () => {
    const young = hco('a', '2026-01-02T00:00:00Z');
    const old = hco('b', '2026-01-01T00:00:00Z');

    expect(choose({ hco: served(young, old) })).to.deep.equal({ kind: 'hco', object: old, rivals: [young, old] });
  });

  for (const [situation, input] of Object.entries({
    'discovery has not answered about HyperConverged': { hco: UNKNOWN, kubevirt: served(kubevirt('a', 'a', '')) },
    'HyperConverged has not been listed': { hco: { availability: 'served', synced: false, objects: [] } },
    'discovery has not answered about KubeVirt': { kubevirt: UNKNOWN },
    'KubeVirt has not been listed': { kubevirt: { availability: 'served', synced: false, objects: [] } },
  } satisfies Record<string, Partial<AnchorInput>>)) {
    it(`decides nothing while ${situation}`, () => {
      expect(choose(input)).to.deep.equal({ kind: 'unknown' });
    });
  }
});
