import { expect } from 'chai';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import { defineKind } from '../../../../src/framework/kinds/kind';
import { Triggers } from '../../../../src/framework/runtime/triggers';
import { Widget } from './controller-bench';

describe('triggers', () => {
  it('lead to the queue of the kind, whatever version its value has', () => {
    const triggers = new Triggers();
    const touched: string[] = [];
    triggers.connect(Widget.id, (key) => touched.push(`widget ${key}`));
    triggers.connect(ConfigMap.id, (key) => touched.push(`config map ${key}`));

    triggers.touch(Widget, 'n/w');
    triggers.touch(ConfigMap, 'n/c');
    triggers.touch(defineKind('example.org/v2', 'Widget', 'widgets', { scope: 'Namespaced' }), 'n/w2');

    expect(touched).to.deep.equal(['widget n/w', 'config map n/c', 'widget n/w2']);
  });

  it('are dropped before anything is connected', () => {
    expect(() => new Triggers().touch(Widget, 'n/w')).not.to.throw();
  });
});
