import { expect } from 'chai';
import type { ClusterChange, ClusterRegistry } from '../../../../src/framework';
import { CloudInitMemory } from '../../../../src/machines/passes/cloud-init-step';

describe('what is remembered of cloud-init Secrets', () => {
  for (const [type, isKept] of [
    ['judged', true],
    ['lost', true],
    ['recovered', false],
    ['disengaged', false],
  ] as const) {
    it(`is ${isKept ? 'kept' : 'forgotten'} when its cluster is ${type}`, () => {
      let tell: (change: ClusterChange) => unknown = () => undefined;
      const clusters: Pick<ClusterRegistry, 'subscribe'> = {
        subscribe: (listener) => {
          tell = listener;
          return () => undefined;
        },
      };
      const memory = new CloudInitMemory(clusters as ClusterRegistry);
      memory.remember('uid', { cluster: 'east', secret: 'web-cloud-init' }, memory.epoch);
      tell({ type, cluster: { name: 'east' } } as ClusterChange);

      expect(memory.isMade('uid', 'web-cloud-init')).to.equal(isKept);
    });
  }
});
