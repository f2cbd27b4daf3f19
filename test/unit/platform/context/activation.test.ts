import { expect } from 'chai';
import { type ActivationMode, activationOf, type NamedAsset } from '../../../../src/platform/context/activation';

const GOLDEN = { name: 'hco-golden-config', aliases: [] };
const SWAP = { name: 'swap-enable', aliases: [] };
const VFIO = { name: 'vfio-assign', group: 'vfio', aliases: [] };
const UI = { name: 'monitoring-ui-plugin', aliases: ['observability-operator'] };
const ASSETS: readonly NamedAsset[] = [GOLDEN, SWAP, VFIO, UI];
const ALL = ASSETS.map(({ name }) => name);

interface Row {
  readonly value: string | undefined;
  readonly always: readonly string[] | 'inactive';
  readonly annotation: readonly string[] | 'inactive';
  readonly unknown?: readonly string[];
}

/** The table of 1.3, row by row. */
const TABLE: readonly Row[] = [
  { value: undefined, always: ALL, annotation: 'inactive' },
  { value: '', always: ALL, annotation: 'inactive' },
  { value: '  ', always: ALL, annotation: 'inactive' },
  { value: 'true', always: ALL, annotation: ALL },
  { value: ' true\n', always: ALL, annotation: ALL },
  { value: 'false', always: 'inactive', annotation: 'inactive' },
  { value: 'swap-enable', always: ['swap-enable'], annotation: ['swap-enable'] },
  { value: ' swap-enable , vfio ', always: ['swap-enable', 'vfio-assign'], annotation: ['swap-enable', 'vfio-assign'] },
  { value: 'observability-operator', always: ['monitoring-ui-plugin'], annotation: ['monitoring-ui-plugin'] },
  { value: ' , ,', always: 'inactive', annotation: 'inactive' },
  { value: 'swap-enable,swop', always: ['swap-enable'], annotation: ['swap-enable'], unknown: ['swop'] },
  { value: 'TRUE', always: [], annotation: [], unknown: ['TRUE'] },
];

describe('activation', () => {
  for (const { value, unknown = [], ...expected } of TABLE) {
    for (const mode of ['always', 'annotation'] satisfies ActivationMode[]) {
      const outcome = expected[mode];
      it(`admits ${outcome === ALL ? 'everything' : JSON.stringify(outcome)} for ${JSON.stringify(value)} in mode ${mode}`, () => {
        const activation = activationOf(value, mode, ASSETS);

        expect(activation.active).to.equal(outcome !== 'inactive');
        expect(ASSETS.filter((asset) => activation.admits(asset)).map(({ name }) => name)).to.deep.equal(
          outcome === 'inactive' ? [] : outcome,
        );
        expect(activation.unknownNames).to.deep.equal(unknown);
      });
    }
  }

  it('admits the golden configuration under a list only when the list names it', () => {
    expect(activationOf('swap-enable', 'always', ASSETS).admits(GOLDEN)).to.equal(false);
    expect(activationOf('hco-golden-config', 'always', ASSETS).admits(GOLDEN)).to.equal(true);
  });
});
