import { expect } from 'chai';
import { CatalogRenderer, missingRequirements } from '../../../../src/platform/catalog';
import { aClusterWith } from '../support/asset-context';
import { aCatalog, anAsset, type InputParts, inputsOf } from '../support/catalogs';

const wanted = async (header: object, parts: InputParts = {}, root: object = {}) => {
  const catalog = aCatalog({ 'a.yaml': anAsset(header) }, root);
  return new CatalogRenderer(catalog).wanted(catalog.assets[0]!, inputsOf(parts));
};
const reasonOf = async (header: object, parts: InputParts = {}): Promise<string> => {
  const answer = await wanted(header, parts);
  return answer.kind === 'wanted' ? 'wanted' : answer.reason;
};

describe('an asset', () => {
  it('is wanted when the allowlist has its name or its group', async () => {
    expect(await reasonOf({}, { admitted: ['a'] })).to.equal('wanted');
    expect(await reasonOf({ group: 'g' }, { admitted: ['g'] })).to.equal('wanted');
    expect(await reasonOf({}, { admitted: ['b'] })).to.equal('NotInAllowlist');
  });

  for (const [install, value, reason] of [
    ['always', undefined, 'wanted'],
    ['always', 'true', 'wanted'],
    ['always', 'false', 'SwitchedOff'],
    ['always', ' false ', 'SwitchedOff'],
    ['always', 'no', 'wanted'],
    ['always', '', 'wanted'],
    ['opt-in', undefined, 'NotSwitchedOn'],
    ['opt-in', 'true', 'wanted'],
    ['opt-in', ' true', 'wanted'],
    ['opt-in', 'false', 'NotSwitchedOn'],
    ['opt-in', 'yes', 'NotSwitchedOn'],
  ] as const) {
    it(`that is ${install} and whose switch is ${JSON.stringify(value)}: ${reason}`, async () => {
      const options = value === undefined ? {} : { 'enable-x': value };

      expect(await reasonOf({ install, switch: 'x' }, { options })).to.equal(reason);
    });
  }

  it('can be switched by an older name of its switch, unless the newer one is set as well', async () => {
    const header = { install: 'opt-in', switch: ['x', 'older'] };

    expect(await reasonOf(header, { options: { 'enable-older': 'true' } })).to.equal('wanted');
    expect(await reasonOf(header, { options: { 'enable-older': 'true', 'enable-x': 'false' } })).to.equal('NotSwitchedOn');
  });

  it('is not wanted when one of its conditions is false, and says which', async () => {
    const header = { when: ['topology.isOpenShift', 'hardware.gpuPresent'] };

    expect(await reasonOf(header, { topology: { isOpenShift: true }, hardware: { gpuPresent: true } })).to.equal('wanted');
    expect(await wanted(header, { topology: { isOpenShift: true } })).to.deep.equal({
      kind: 'unwanted',
      reason: 'ConditionFalse',
      message: 'condition hardware.gpuPresent is false',
    });
  });

  it('can share conditions with others', async () => {
    const root = { conditions: { compact: 'topology.isCompact' } };

    expect(await wanted({ when: ['$compact'] }, { topology: { isCompact: true } }, root)).to.deep.equal({ kind: 'wanted' });
    expect(await wanted({ when: ['$compact'] }, {}, root)).to.include({ reason: 'ConditionFalse' });
  });

  it('fails when a condition cannot be evaluated: that is not the same as false', async () => {
    const error = await wanted({ when: ['hco.spec.missing == 1'] }, { hco: { spec: {} } });

    expect(error).to.include({ kind: 'failed', reason: 'RenderFailed', isTransient: false });
    expect((await wanted({ when: ['hco.spec.text'] }, { hco: { spec: { text: 'true' } } })).kind).to.equal('failed');
  });

  it('fails for a while when a look-up in a condition fails', async () => {
    const cluster = { list: () => Promise.reject(new Error('timed out')) };

    expect(await wanted({ when: ['cluster.list("v1", "Pod", "").size() > 0'] }, { cluster })).to.include({
      kind: 'failed',
      isTransient: true,
    });
  });

  it('fails by InvalidOption when a condition meets one', async () => {
    const answer = await wanted({ when: ['option("n", "1", "[0-9]") == "1"'] }, { options: { n: 'x' } });

    expect(answer).to.include({ kind: 'failed', reason: 'InvalidOption' });
  });

  it('asks nobody when it is not admitted or switched off', async () => {
    const fail = () => Promise.reject(new Error('asked'));
    const header = { switch: 'x', when: ['cluster.list("v1", "Pod", "").size() > 0'] };

    expect(await reasonOf(header, { admitted: [], cluster: { list: fail } })).to.equal('NotInAllowlist');
    expect(await reasonOf(header, { options: { 'enable-x': 'false' }, cluster: { list: fail } })).to.equal('SwitchedOff');
  });
});

describe('requirements of an asset', () => {
  const missing = (header: object, parts: InputParts = {}): string[] => {
    const catalog = aCatalog({ 'a.yaml': anAsset(header), 'b.yaml': anAsset({ name: 'b' }, { metadata: { name: 'b', namespace: 'ns' } }) });
    return missingRequirements(catalog.assetByName('a')!, inputsOf(parts)).map(({ text }) => text);
  };

  it('are met when everything is there', () => {
    const requires = ['crd:as.example.com', 'kind:apps/v1/Deployment', 'feature:hco', 'feature:openshift', 'feature:olm', 'asset:b'];

    expect(missing({ requires }, { topology: { isOpenShift: true }, inSync: ['b'] })).to.deep.equal([]);
  });

  it('are told one by one when they are not there, its own kind first', () => {
    const requires = ['crd:as.example.com', 'kind:apps/v1/Deployment', 'feature:hco', 'feature:openshift', 'feature:olm', 'asset:b'];
    const cluster = { has: () => false, hasResource: () => false };

    expect(missing({ requires }, { settings: { hcoPresent: false }, cluster })).to.deep.equal(['kind:v1/ConfigMap', ...requires]);
  });

  it('are met when one of several versions is served', () => {
    const versions = { apiVersions: ['a.io/v2', 'a.io/v1'] };
    const catalog = aCatalog({ 'a.yaml': anAsset(versions, { apiVersion: null }) });

    expect(missingRequirements(catalog.assets[0]!, inputsOf({ cluster: { has: (version) => version === 'a.io/v1' } }))).to.deep.equal([]);
    expect(missingRequirements(catalog.assets[0]!, inputsOf({ cluster: { has: () => false } })).map(({ text }) => text)).to.deep.equal([
      'kind:a.io/v2/ConfigMap',
    ]);
  });
});

describe('the context that an asset reads', () => {
  it('has the parts that its header asks for', async () => {
    const cluster = aClusterWith([{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns' } }]);

    expect(await reasonOf({ when: ['cluster.list("v1", "Pod", "ns").size() == 1'] }, { cluster })).to.equal('wanted');
  });
});
