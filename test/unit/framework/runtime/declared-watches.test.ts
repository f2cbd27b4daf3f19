import { expect } from 'chai';
import { clusterChanges, Handler, mapped, Reconcile, type Watch } from '../../../../src/framework/decorators';
import { ConfigError } from '../../../../src/framework/errors/config-error';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import type { ReconcileSpec } from '../../../../src/framework/registry/handler-spec';
import { buildRegistry } from '../../../../src/framework/registry/registry';
import { DeclaredWatches } from '../../../../src/framework/runtime/declared-watches';
import { Instances } from '../../../../src/framework/runtime/instances';

function watchesOf(returned: () => unknown): readonly Watch[] | string[] {
  @Handler()
  class Maps {
    @Reconcile(ConfigMap, { watches: returned as () => readonly Watch[] })
    async sync(): Promise<void> {}
  }
  const [spec] = buildRegistry({ handlers: [Maps] }).specs;
  try {
    return new DeclaredWatches(new Instances()).of(spec as ReconcileSpec);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ code, text }) => `${code}: ${text}`);
  }
}

describe('watches that a function decides on', () => {
  it('are what it returns', () => {
    const watches = [mapped(ConfigMap, () => []), clusterChanges(() => [])];
    expect(watchesOf(() => watches)).to.deep.equal(watches);
  });

  it('are checked like a list, all together, with class and method', () => {
    const missing = undefined as never;
    expect(watchesOf(() => [mapped(missing, () => []), mapped(ConfigMap, () => [], { select: { labels: '!' } })])).to.deep.equal([
      'KIND_MISSING: Maps.sync: @Reconcile got no kind in watches[0]; check the import of its defineKind for a circular import',
      'SELECTOR_SYNTAX: Maps.sync: watches[1].select.labels is "!", which is no label selector: it ends where a label key should be',
    ]);
    for (const returned of [undefined, () => [], 5]) {
      expect(watchesOf(() => returned)).to.have.length(1);
    }
  });

  it('are refused with class and method when it throws', () => {
    const thrown = watchesOf(() => {
      throw new Error('no such token');
    });
    expect(thrown).to.deep.equal(['WATCHES_FUNCTION: Maps.sync: the function of watches threw: no such token']);
  });
});
