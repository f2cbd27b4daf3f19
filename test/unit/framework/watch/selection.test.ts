import { expect } from 'chai';
import type { Selection } from '../../../../src/framework/watch';
import { matchesSelection, selectionKey } from '../../../../src/framework/watch';
import { selectionQuery } from '../../../../src/framework/watch/selection';

const agent = { metadata: { name: 'agent', namespace: 'steward', labels: { app: 'wol', tier: 'node' } } };

describe('selection', () => {
  const rows: readonly (readonly [Selection, boolean | 'unknown'])[] = [
    [{}, true],
    [{ namespaces: ['steward', 'other'] }, true],
    [{ namespaces: ['other'] }, false],
    [{ labels: 'app=wol' }, true],
    [{ labels: 'app==wol' }, true],
    [{ labels: 'app = wol , tier=node' }, true],
    [{ labels: 'app=wol,tier=edge' }, false],
    [{ labels: 'app!=wol' }, false],
    [{ labels: 'none!=wol' }, true],
    [{ labels: 'app' }, true],
    [{ labels: 'none' }, false],
    [{ labels: '!none' }, true],
    [{ labels: '!app' }, false],
    [{ labels: 'app in (web, wol),tier' }, true],
    [{ labels: 'app in (web)' }, false],
    [{ labels: 'app notin (web,wol)' }, false],
    [{ labels: 'none notin (web)' }, true],
    [{ labels: 'none in (web)' }, false],
    [{ labels: 'app=' }, false],
    [{ labels: 'app > 3' }, 'unknown'],
    [{ labels: 'tier=edge,app > 3' }, false],
    [{ fields: 'metadata.name=agent' }, true],
    [{ fields: 'metadata.name!=agent' }, false],
    [{ fields: 'metadata.name=agent,metadata.namespace=steward' }, true],
    [{ fields: 'metadata.namespace=other' }, false],
    [{ fields: 'spec.nodeName=n1' }, 'unknown'],
    [{ fields: 'spec.nodeName=n1', labels: 'app=web' }, false],
  ];
  for (const [selection, expected] of rows) {
    it(`judges ${JSON.stringify(selection)} as ${expected}`, () => {
      expect(matchesSelection(agent, selection)).to.equal(expected);
    });
  }

  it('has one key for selections that choose the same', () => {
    expect(selectionKey({ namespaces: ['b', 'a', 'b'] })).to.equal(selectionKey({ namespaces: ['a', 'b'] }));
    expect(selectionKey({ labels: '' })).to.equal(selectionKey());
    expect(selectionKey({ metadataOnly: true })).not.to.equal(selectionKey());
    expect(selectionKey({ labels: 'a' })).not.to.equal(selectionKey({ fields: 'a' }));
  });

  it('asks the server for labels and fields only when they are given', () => {
    expect(selectionQuery({ labels: 'a=b', fields: '' })).to.deep.equal({ labelSelector: 'a=b', fieldSelector: undefined });
  });
});
